/** Checks a model before the engine loads it, because the engine's errors are hard to understand. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, StartError } from '@rbee/worker-server';
import { type Dtype, dtypes, dtypesAmong, networkFile, settingFiles } from '../dtypes.ts';

export interface OnnxModel {
  folder: string;
  dtype: Dtype;
  /** Size of its networks in bytes. */
  bytes: number;
}

/** Returns the number format to load. Throws a `StartError` that says what is wrong. */
export const checkOnnxModel = (folder: string, wanted: 'auto' | Dtype): OnnxModel => {
  if (!statOf(folder).isDirectory()) {
    throw isGgml(folder)
      ? new StartError(
          exitCodes.badModel,
          `${folder} is a model for whisper.cpp: spawn it with --option engine=auto or engine=whisper-server`,
        )
      : new StartError(exitCodes.badModel, `the model ${folder} is a file: a folder of an ONNX export is needed`);
  }
  const files = readdirSync(folder, { recursive: true }).map((name) => String(name).replaceAll('\\', '/'));
  const missing = settingFiles.find((name) => !files.includes(name));
  if (missing !== undefined) throw new StartError(exitCodes.noModel, `the model ${folder} has no ${missing}`);
  const type = readJson(join(folder, 'config.json'))['model_type'];
  if (type !== 'whisper' && type !== 'lite-whisper') {
    throw new StartError(exitCodes.badModel, `the model ${folder} is ${JSON.stringify(type)}, not a Whisper model`);
  }
  for (const name of settingFiles) readJson(join(folder, name));
  const there = dtypesAmong(files);
  const dtype = wanted === 'auto' ? there[0] : there.find((one) => one === wanted);
  if (dtype !== undefined) return { folder, dtype, bytes: bytesOf(folder, dtype) };
  const [encoder, decoder] = [networkFile('encoder_model', 'fp32'), networkFile('decoder_model_merged', 'fp32')];
  const hint =
    there.length > 0
      ? `it has ${there.join(', ')}`
      : `it needs ${encoder} and ${decoder}, or another of ${dtypes.slice(1).join(', ')}`;
  throw new StartError(
    exitCodes.noModel,
    `the model ${folder} has no networks${wanted === 'auto' ? '' : ` in ${wanted}`}: ${hint}`,
  );
};

/** Throws a `StartError` unless the file is one for whisper.cpp. */
export const checkGgmlModel = (path: string): void => {
  if (statOf(path).isDirectory()) {
    throw new StartError(
      exitCodes.badModel,
      `the model ${path} is a folder: whisper-server loads one ggml file; ONNX folders need --option engine=onnx`,
    );
  }
  if (!isGgml(path)) throw new StartError(exitCodes.badModel, `the model ${path} is not a ggml file for whisper.cpp`);
};

const statOf = (path: string) => {
  try {
    return statSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
};

const isGgml = (path: string) => {
  const head = Buffer.alloc(4);
  try {
    const file = openSync(path, 'r');
    readSync(file, head, 0, 4, 0);
    closeSync(file);
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return head.toString('latin1') === 'lmgg';
};

const readJson = (path: string): Record<string, unknown> => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw unreadable(path, cause);
    throw new StartError(exitCodes.badModel, `${path} is damaged: ${cause.message}`, { cause });
  }
};

const bytesOf = (folder: string, dtype: Dtype) =>
  statSync(join(folder, networkFile('encoder_model', dtype))).size +
  statSync(join(folder, networkFile('decoder_model_merged', dtype))).size;

const unreadable = (path: string, cause: unknown) => {
  const { code, message } = cause as NodeJS.ErrnoException;
  const problem =
    code === 'ENOENT'
      ? 'does not exist'
      : code === 'EACCES'
        ? 'is not readable for this user'
        : `cannot be read: ${message}`;
  return new StartError(exitCodes.noModel, `the model ${path} ${problem}`, { cause });
};
