/** Which files of a repository are weights, and which of them belong together. */
import type { ModelFormat } from '../../../contract/worker-type.ts';

/** Endings of weights, and the format that a single file of it is. */
const weightFormats = new Map<string, ModelFormat>([
  ['gguf', 'gguf'],
  ['safetensors', 'safetensors'],
  ['onnx', 'onnx'],
  ['ggml', 'ggml'],
  ['bin', 'ggml'],
  ['pt', 'pt'],
  ['pth', 'pth'],
  ['ckpt', 'ckpt'],
]);

/** The format of a file of weights by its name; undefined for any other file. */
export const weightFormat = (path: string): ModelFormat | undefined => weightFormats.get(endingOf(path));

export const endingOf = (path: string): string => /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';

/** Files of the same model in parts, `x-00001-of-00003.gguf`, have one name; any other file its own. */
export const groupName = (path: string): string =>
  path.replace(/-\d{5}-of-(\d{5})(\.[^./]+)$/, (_, total, ending) => `-of-${total}${ending}`);

/** Paths of files by the model that they are part of, both in order. */
export const groupParts = <File extends { path: string }>(files: readonly File[]): File[][] => {
  const groups = Map.groupBy(files, ({ path }) => groupName(path));
  return [...groups.values()].map((group) => group.toSorted(byPath)).sort(([a], [b]) => byPath(a as File, b as File));
};

/** A projector of images goes beside a language model and is none itself. */
export const isProjector = (path: string): boolean => /mmproj/i.test(path.split('/').at(-1) ?? '');

const byPath = (a: { path: string }, b: { path: string }): number => (a.path < b.path ? -1 : 1);
