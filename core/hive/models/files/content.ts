/** Compares the first bytes of a file with its name and the expected formats. */
import type { ModelFormat } from '../../../contract/worker-type/worker-type.ts';
import { endingOf, weightFormat } from './weights.ts';

/** Bytes from the start of a file that the checks need. */
export const headBytes = 512;

/** Formats that a hive recognizes; others are left to the engine. */
export const recognised: ReadonlySet<ModelFormat> = new Set([
  'gguf',
  'safetensors',
  'safetensors-dir',
  'onnx',
  'onnx-dir',
  'ggml',
]);

/** The format of a weights file; undefined if neither its first bytes nor its name show it. */
export const formatOf = (path: string, head: Buffer): ModelFormat | undefined => {
  const magic = head.toString('latin1', 0, 4);
  if (magic === 'GGUF') return 'gguf';
  if (magic === 'lmgg' || magic === 'ggml') return 'ggml';
  const ending = endingOf(path);
  if (ending === 'safetensors' && isSafetensors(head)) return 'safetensors';
  return ending === 'onnx' && !isPage(head) ? 'onnx' : undefined;
};

/** Whether it is a web page. Networks with a sign-in page, and addresses of pages about a file, answer 200 with one. */
export const isPage = (head: Buffer): boolean =>
  /^(\uFEFF|\s|<\?xml[^>]*>|<!--[\s\S]*?-->)*<(!doctype\s+html|html|head|body|script)\b/i.test(head.toString('utf8'));

/** What a file really is that users mistake for a model, and no engine can load; undefined for any other. */
export const mistakenFor = (head: Buffer): string | undefined => {
  const text = head.toString('latin1');
  if (isPage(head)) return 'it is a web page';
  if (text.startsWith('version https://git-lfs')) {
    return 'it is a Git LFS pointer, not the file itself: run "git lfs pull" in its repository, or download the file itself';
  }
  if (text.startsWith('GGUF') && isBigEndian(head)) {
    return 'it is a GGUF file for big-endian machines: download the little-endian one, or convert it with gguf_convert_endian.py';
  }
  if (/^\s*[{[]\s*["{\]}]/.test(text)) return 'it is JSON, perhaps an error message from a server';
  return archives.find(([magic]) => text.startsWith(magic))?.[1];
};

/** Versions are small numbers, so a huge one has reversed byte order. */
const isBigEndian = (head: Buffer): boolean =>
  head.length >= 8 && head.readUInt32BE(4) < 0x1_00_00 && head.readUInt32LE(4) >= 0x1_00_00;

const archives: readonly (readonly [magic: string, what: string])[] = [
  ['\x1f\x8b', 'it is a gzip archive: unpack it first'],
  ['\xfd7zXZ', 'it is an xz archive: unpack it first'],
  ['\x28\xb5\x2f\xfd', 'it is a zstd archive: unpack it first'],
  ['7z\xbc\xaf\x27\x1c', 'it is a 7z archive: unpack it first'],
];

/** Why a file does not match its extension; undefined if nothing contradicts it. */
export const contentProblem = (path: string, head: Buffer): string | undefined => {
  const ending = endingOf(path);
  if (isPage(head)) return texts.has(ending) ? undefined : 'it is a web page';
  const mistaken = weightFormat(path) === undefined ? undefined : mistakenFor(head);
  if (mistaken !== undefined) return mistaken;
  if (ending === 'gguf' && head.toString('latin1', 0, 4) !== 'GGUF') return 'it does not start like a GGUF file';
  if (ending === 'safetensors' && !isSafetensors(head)) return 'it does not start like a safetensors file';
  return undefined;
};

/** Why a single file cannot be a model; undefined if it may be one. `formats`: accepted by worker types, if known. */
export const modelProblem = (
  path: string,
  head: Buffer,
  formats: readonly ModelFormat[] | undefined,
): string | undefined => {
  const mistaken = mistakenFor(head);
  if (mistaken !== undefined) return mistaken;
  const problem = contentProblem(path, head);
  if (problem !== undefined || formatOf(path, head) !== undefined) return problem;
  if (isPickle(head) || formats?.some((format) => !recognised.has(format))) return undefined;
  const known = [...recognised].filter((format) => !format.endsWith('-dir')).join(', ');
  return `it is not a model in a known format (${known})`;
};

/** Extensions of text files. */
const texts: ReadonlySet<string> = new Set(['html', 'htm', 'xhtml', 'xml', 'svg', 'md', 'txt']);

/** A safetensors file starts with the length of its JSON header. */
const isSafetensors = (head: Buffer): boolean =>
  head.length >= 8 && head.readBigUInt64LE(0) < 2n ** 32n && (head.length < 9 || head[8] === 0x7b);

/** PyTorch's formats: a pickle, or a ZIP archive with one. */
const isPickle = (head: Buffer): boolean =>
  head.toString('latin1', 0, 4) === 'PK\x03\x04' || (head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5);
