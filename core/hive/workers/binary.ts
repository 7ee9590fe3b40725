/** Binary resolution on this machine: the first source of a variant that is there, else the first that can be installed. */
import { asRbeeError, RbeeError } from '../../contract/errors.ts';
import type { BinarySource, ResolvedBinary } from '../../contract/worker-type.ts';
import type { BinaryContext } from '../../registry/binaries/context.ts';
import { ensureBinary, isInstallable, lookForBinary, needsPreparing } from '../../registry/binaries/installer.ts';

/** What was found, or what was tried and why it did not do. */
export type BinarySearch =
  | { found: ResolvedBinary }
  | {
      found: null;
      tried: string[];
      /** Why nothing was installed: what went wrong with the preferred one, or why it was not tried. */
      error?: RbeeError;
    };

export interface SearchOptions {
  /** Asked once before anything is installed or prepared: why not, if so. */
  notWorthIt?: () => Promise<RbeeError | undefined>;
}

/**
 * Errors: PLUGIN_INVALID, PROGRAM_MISNAMED where a variable names a program that is not there, and the signal's reason when
 * aborted.
 */
export const findBinary = async (
  sources: readonly BinarySource[],
  context: BinaryContext,
  { notWorthIt }: SearchOptions = {},
): Promise<BinarySearch> => {
  const tried: string[] = [];
  for (const source of sources) {
    const look = await lookForBinary(source, context);
    if (!('problem' in look)) {
      const why = (await needsPreparing(source, look, context)) ? await notWorthIt?.() : undefined;
      return why ? { found: null, tried, error: why } : attempt(source, context);
    }
    if ('problem' in look && look.misnamed) throw RbeeError.of('PROGRAM_MISNAMED', look.misnamed);
    if (!isInstallable(source)) tried.push(`${source.id}: ${look.problem}`);
  }
  const installable = sources.filter(isInstallable);
  if (installable.length === 0) return { found: null, tried };
  let error = await notWorthIt?.();
  if (error) return { found: null, tried, error };
  for (const [index, source] of installable.entries()) {
    const result = await attempt(source, context);
    if (result.found) return result;
    tried.push(...result.tried);
    error ??= result.error;
    const next = installable[index + 1];
    if (!next || !result.error) continue;
    const { message: text, hint } = result.error;
    context.narrate({ kind: 'warning', text: `${text}: trying ${next.id} instead`, hint });
  }
  return { found: null, tried, error };
};

const attempt = async (source: BinarySource, context: BinaryContext): Promise<BinarySearch> => {
  try {
    return { found: await ensureBinary(source, context) };
  } catch (thrown) {
    context.signal.throwIfAborted();
    const error = asRbeeError(thrown, 'the hive');
    return { found: null, tried: [`${source.id}: ${error.message}`], error };
  }
};
