/** Checks a model file before llama.cpp loads it: llama.cpp only says that it failed, or aborts. */
import { statSync } from 'node:fs';
import { exitCodes, StartError } from '@rbee/worker-server';
import { GgufError, type GgufHeader, readGgufHeader } from './gguf.ts';

/** Returns the header of a model that is worth loading. Throws a `StartError` that says what is wrong. */
export const checkModel = (path: string): GgufHeader => {
  const header = readChecked(path);
  checkBounds(path, header);
  checkVocabulary(path, header);
  return header;
};

const readChecked = (path: string): GgufHeader => {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) throw new StartError(exitCodes.noModel, `the model file ${path} is a folder`);
    return readGgufHeader(path);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    if (cause instanceof GgufError) throw bad(`the model file ${path} cannot be used: ${cause.message}`, cause);
    const { code, message } = cause as NodeJS.ErrnoException;
    const problem =
      code === 'ENOENT'
        ? `the model file ${path} does not exist`
        : code === 'EACCES'
          ? `the model file ${path} is not readable for this user`
          : `the model file ${path} cannot be read: ${message}`;
    throw new StartError(exitCodes.noModel, problem, { cause });
  }
};

/** Values and bytes per block, by GGML's format number. */
const blocks: Readonly<Record<number, readonly [values: number, bytes: number]>> = {
  0: [1, 4],
  1: [1, 2],
  2: [32, 18],
  3: [32, 20],
  6: [32, 22],
  7: [32, 24],
  8: [32, 34],
  9: [32, 36],
  10: [256, 84],
  11: [256, 110],
  12: [256, 144],
  13: [256, 176],
  14: [256, 210],
  24: [1, 1],
  25: [1, 2],
  26: [1, 4],
  27: [1, 8],
  28: [1, 8],
  30: [1, 2],
};

/** For a format that is not in the table, only the start of the data is checked; llama.cpp checks again. */
const checkBounds = (path: string, { tensors, fileSize }: GgufHeader) => {
  for (const { name, shape, type, offset } of tensors) {
    const [values, bytes] = blocks[type] ?? [1, 0];
    const end = offset + (shape.reduce((product, length) => product * length, 1) / values) * bytes;
    if (end <= fileSize) continue;
    throw bad(`the model file ${path} is cut off: the data of ${name} ends at byte ${end}, the file at ${fileSize}`);
  }
};

/** llama.cpp aborts the process if a token occurs twice. */
const checkVocabulary = (path: string, { metadata }: GgufHeader) => {
  const tokens = metadata.get('tokenizer.ggml.tokens');
  if (!Array.isArray(tokens)) return;
  const seen = new Set(tokens);
  if (seen.size === tokens.length) return;
  seen.clear();
  const twice = tokens.find((token) => seen.size === seen.add(token).size);
  throw bad(`the model file ${path} has a damaged vocabulary: it contains the token ${JSON.stringify(twice)} twice`);
};

const bad = (message: string, cause?: unknown) => new StartError(exitCodes.badModel, message, { cause });
