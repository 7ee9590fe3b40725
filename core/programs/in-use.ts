/** Which installed programs and downloads the sources of a worker type refer to. */
import type { BinarySource } from '../contract/worker-type/worker-type.ts';
import type { BinaryContext } from './context.ts';
import { isInstallable, keyOfSource, lookForBinary, preparedKey } from './installer.ts';
import { checkSource } from './source-check.ts';

export interface ProgramsInUse {
  /** As in `Recipe.key`. */
  keys: ReadonlySet<string>;
  /** SHA-256 of files. */
  downloads: ReadonlySet<string>;
}

/** Includes those that are not installed. Errors: PLUGIN_INVALID. */
export const programsOf = async (
  sources: readonly BinarySource[],
  context: Pick<BinaryContext, 'plugin' | 'folders' | 'env'>,
): Promise<ProgramsInUse> => {
  const keys = new Set<string>();
  const downloads = new Set<string>();
  for (const source of sources) {
    const steps = source.prepare ?? [];
    if (isInstallable(source)) {
      const checked = checkSource(source, context.plugin);
      keys.add(keyOfSource(checked, context));
      if (checked.kind === 'archive')
        for (const { sha256 } of [checked, ...(checked.overlays ?? [])]) downloads.add(sha256);
    }
    if (source.kind === 'python' || steps.length === 0) continue;
    // The result of its `prepare` steps belongs to the program they ran for.
    const binary = await lookForBinary(source, context);
    if (!('problem' in binary)) keys.add(preparedKey(binary, context, steps));
  }
  return { keys, downloads };
};
