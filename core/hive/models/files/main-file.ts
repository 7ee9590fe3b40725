/** The path that an engine gets: a single file, the first of several parts, or a folder. */
import type { ModelFormat } from '../../../contract/worker-type/worker-type.ts';
import { groupParts, isProjector, weightFormat } from './weights.ts';

export interface MainFile {
  /** Relative to the model's folder; empty for the folder itself. */
  path: string;
  /** All parts, if it is a file. */
  parts: readonly string[];
  format: ModelFormat | null;
}

/**
 * `formats` lists the formats that the worker type loads; `select` is the part of the repository that the reference
 * names.
 */
export const mainFile = (
  paths: readonly string[],
  { formats, select }: { formats?: readonly ModelFormat[] | undefined; select?: string | undefined } = {},
): MainFile => {
  const files = paths.map((path) => ({ path }));
  const weights = files.filter(({ path }) => weightFormat(path) !== undefined);
  const models = weights.filter(({ path }) => !isProjector(path));
  const groups = groupParts(models.length > 0 ? models : weights);
  const [parts = []] = groups;
  const first = parts[0]?.path ?? files[0]?.path ?? '';
  const format = weightFormat(first) ?? null;
  const alone = groups.length === 1 && format !== null;
  // For types that do not load single files, a file with a configuration next to it counts as a folder.
  const asFile =
    formats === undefined ? !paths.some((path) => /(^|\/)config\.json$/.test(path)) : formats.includes(format ?? '');
  if (paths.length === 1 || (alone && asFile))
    return { path: first, parts: parts.length > 0 ? parts.map(({ path }) => path) : [first], format };
  const folder = select?.replace(/\/$/, '') ?? '';
  const inside = folder !== '' && paths.every((path) => path.startsWith(`${folder}/`));
  return { path: inside ? folder : '', parts: [], format: folderFormat(paths, formats) };
};

/** The format of a folder, from its file names; if there are several, one that the worker type loads. */
export const folderFormat = (paths: readonly string[], formats?: readonly ModelFormat[]): ModelFormat | null => {
  const found = ['safetensors', 'onnx']
    .filter((ending) => paths.some((path) => path.endsWith(`.${ending}`)))
    .map((ending) => `${ending}-dir`);
  return found.find((format) => formats?.includes(format)) ?? found[0] ?? null;
};
