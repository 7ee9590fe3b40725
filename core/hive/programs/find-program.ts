/**
 * Finds the program of a variant on this machine: the first source that is present, otherwise those that can be
 * installed.
 */
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import type { BinarySource, ResolvedBinary } from '../../contract/worker-type/worker-type.ts';
import type { BinaryContext } from '../../programs/context.ts';
import { ensureBinary, isInstallable, lookForBinary, lookForPrepared } from '../../programs/installer.ts';

export type ProgramSearch =
  | { state: 'there'; binary: ResolvedBinary }
  /** Any of these can be installed, best first. */
  | { state: 'lacking'; sources: readonly BinarySource[] }
  /** None can be installed here: what was tried, and why it failed. */
  | { state: 'none'; tried: readonly string[] };

/** Changes nothing. Throws PLUGIN_INVALID, and PROGRAM_PATH_INVALID where a variable names a missing program. */
export const findProgram = async (
  sources: readonly BinarySource[],
  context: Pick<BinaryContext, 'plugin' | 'folders' | 'env'>,
): Promise<ProgramSearch> => {
  const tried: string[] = [];
  for (const source of sources) {
    const look = await lookForBinary(source, context);
    if (!('problem' in look)) {
      const binary = await lookForPrepared(source, look, context);
      return binary ? { state: 'there', binary } : { state: 'lacking', sources: [source] };
    }
    if (look.misnamed) throw RbeeError.of('PROGRAM_PATH_INVALID', look.misnamed);
    if (!isInstallable(source)) tried.push(`${source.id}: ${look.problem}`);
  }
  const installable = sources.filter(isInstallable);
  return installable.length > 0 ? { state: 'lacking', sources: installable } : { state: 'none', tried };
};

/** Installs the first possible source. Throws why the best one failed, and the signal's reason when aborted. */
export const installProgram = async (
  sources: readonly BinarySource[],
  context: BinaryContext,
): Promise<ResolvedBinary> => {
  let first: RbeeError | undefined;
  for (const [index, source] of sources.entries()) {
    try {
      return await ensureBinary(source, context);
    } catch (thrown) {
      context.signal.throwIfAborted();
      const error = asRbeeError(thrown, 'the hive');
      first ??= error;
      const next = sources[index + 1];
      if (!next) continue;
      context.narrate({ kind: 'warning', text: `${error.message}: trying ${next.id} instead`, hint: error.hint });
    }
  }
  throw first ?? new Error('no source was given');
};
