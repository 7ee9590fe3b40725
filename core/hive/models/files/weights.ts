/** Tells which files of a repository are weights, and which of them belong together. */
import type { ModelFormat } from '../../../contract/worker-type/worker-type.ts';

/** Extensions of weights, and the format of a single such file. */
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

/** The format of a weights file, from its name; undefined for any other file. */
export const weightFormat = (path: string): ModelFormat | undefined => weightFormats.get(endingOf(path));

export const endingOf = (path: string): string => /\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';

/** Parts of one model, `x-00001-of-00003.gguf`, get the same name; any other file its own. */
export const groupName = (path: string): string =>
  path.replace(/-\d{5}-of-(\d{5})(\.[^./]+)$/, (_, total, ending) => `-of-${total}${ending}`);

/** Paths of files, grouped by model, both in order. */
export const groupParts = <File extends { path: string }>(files: readonly File[]): File[][] => {
  const groups = Map.groupBy(files, ({ path }) => groupName(path));
  return [...groups.values()].map((group) => group.toSorted(byPath)).sort(([a], [b]) => byPath(a as File, b as File));
};

/** An image projector accompanies a language model and is not one itself. */
export const isProjector = (path: string): boolean => /mmproj/i.test(path.split('/').at(-1) ?? '');

const byPath = (a: { path: string }, b: { path: string }): number => (a.path < b.path ? -1 : 1);
