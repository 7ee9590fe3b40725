/** From a model reference to files on this machine: are they there, readable, and of a format that the type loads? */
import { constants } from 'node:fs';
import { access, open, readdir, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference, type ModelReference } from '../../contract/model-reference.ts';
import type { ModelFacts, ModelFormat } from '../../contract/worker-type.ts';
import type { TypeDescription } from '../../registry/description.ts';
import { readGgufMetadata } from './gguf-metadata.ts';

export interface ResolvedModel {
  /** Absolute path of each component; `main` is the model itself. */
  files: Record<string, string>;
  facts: ModelFacts;
}

/** Errors: MODEL_NO_DEMO, MODEL_FILE_MISSING, MODEL_FILE_UNREADABLE, MODEL_FORMAT, MODEL_REFERENCE_INVALID. */
export const resolveModel = async (
  reference: ModelReference,
  type: Pick<TypeDescription, 'name' | 'models'>,
  pluginRoot: string,
  hive: string,
): Promise<ResolvedModel> => {
  const path = pathOf(reference, type, pluginRoot);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw RbeeError.of('MODEL_FILE_MISSING', { path, hive }, { cause: error });
    throw unreadable(path, error);
  });
  // Opening a pipe or a device may wait for ever.
  if (!found.isFile() && !found.isDirectory()) throw unreadable(path, { message: 'it is neither a file nor a folder' });
  await access(path, constants.R_OK).catch((error) => {
    throw unreadable(path, error);
  });
  const format = found.isDirectory() ? await folderFormat(path) : await fileFormat(path);
  const formats = type.models?.formats ?? [];
  if (format === undefined || !formats.includes(format)) {
    const problem = format === undefined ? (found.size === 0 ? 'it is empty' : 'its format is not known') : `it is ${format}`;
    throw RbeeError.of('MODEL_FORMAT', { path, type: type.name, problem, formats: formats.join(', ') });
  }
  const metadata = format === 'gguf' ? await readGgufMetadata(path) : {};
  const bytes = found.isDirectory() ? await folderBytes(path) : found.size;
  return { files: { main: path }, facts: { reference: formatModelReference(reference), format, bytes, metadata } };
};

const pathOf = (reference: ModelReference, type: Pick<TypeDescription, 'name' | 'models'>, pluginRoot: string): string => {
  if (reference.kind === 'demo') {
    if (type.models?.demo === undefined) throw RbeeError.of('MODEL_NO_DEMO', { type: type.name });
    return join(pluginRoot, type.models.demo);
  }
  if (isAbsolute(reference.path)) return reference.path;
  throw RbeeError.of('MODEL_REFERENCE_INVALID', {
    reference: formatModelReference(reference),
    problem: 'the path must be absolute on the hive',
  });
};

const unreadable = (path: string, error: Pick<NodeJS.ErrnoException, 'code' | 'message'>): RbeeError =>
  RbeeError.of('MODEL_FILE_UNREADABLE', { path, problem: error.code ?? error.message }, { cause: error });

/** A file's format by its first bytes, where they tell. */
const fileFormat = async (path: string): Promise<ModelFormat | undefined> => {
  const handle = await open(path, 'r');
  try {
    const head = Buffer.alloc(8);
    await handle.read(head, 0, 8, 0);
    const magic = head.toString('latin1', 0, 4);
    if (magic === 'GGUF') return 'gguf';
    if (magic === 'lmgg' || magic === 'ggml') return 'ggml';
    // A safetensors file begins with the length of its JSON header.
    if (path.endsWith('.safetensors') && head.readBigUInt64LE(0) < 2n ** 32n) return 'safetensors';
    return path.endsWith('.onnx') ? 'onnx' : undefined;
  } finally {
    await handle.close();
  }
};

const folderFormat = async (path: string): Promise<ModelFormat | undefined> => {
  const names = (await readdir(path, { recursive: true })).slice(0, 10_000);
  if (names.some((name) => name.endsWith('.safetensors'))) return 'safetensors-dir';
  return names.some((name) => name.endsWith('.onnx')) ? 'onnx-dir' : undefined;
};

const folderBytes = async (path: string): Promise<number> => {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) => stat(join(entry.parentPath, entry.name)).then((file) => file.size)),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
};
