/** Selects the files to download from a repository: settings and networks in one number format, or one ggml file. */
import type { RepositoryFile } from '@rbee/contract';
import { type Dtype, dtypesAmong, networkFilesAmong, settingFiles } from './dtypes.ts';
import { withDefaults } from './options.ts';

export const selectFiles = (
  files: readonly RepositoryFile[],
  given: Readonly<Record<string, unknown>>,
): readonly string[] => {
  const { dtype } = withDefaults(given);
  const paths = files.map(({ path }) => path);
  const chosen: Dtype | undefined = dtype === 'auto' ? dtypesAmong(paths)[0] : dtype;
  const networks = chosen === undefined ? [] : networkFilesAmong(paths, chosen);
  if (networks.length > 0) return [...paths.filter((path) => isSetting(path)), ...networks];
  const ggml = paths.filter((path) => /^ggml-[^/]+\.bin$/.test(path));
  const usual = ggml.find((path) => path === 'ggml-base.bin') ?? ggml[0];
  return usual === undefined ? [] : [usual];
};

const isSetting = (path: string) => settingFiles.some((name) => name === path);
