/**
 * Resolves a model reference to files on this machine: whether they exist, are readable, and have a format that the
 * type loads.
 */

import { constants } from 'node:fs';
import { access, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference, type ModelReference } from '../../contract/model-reference.ts';
import { insideFolder, plainPath } from '../../contract/safe-path.ts';
import type { ModelFacts, ModelFormat } from '../../contract/worker-type/worker-type.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import { formatOf, headBytes, mistakenFor, recognised } from './files/content.ts';
import { folderFormat } from './files/main-file.ts';
import { groupName, weightFormat } from './files/weights.ts';
import type { GgufHeaders } from './gguf/gguf-headers.ts';
import { readGgufMetadata } from './gguf/gguf-metadata.ts';

export interface ResolvedModel {
  /** Absolute path of each component; `main` is the model itself. */
  files: Record<string, string>;
  facts: ModelFacts;
}

/** A model that is already on this machine. */
export type LocalReference = Extract<ModelReference, { kind: 'demo' | 'file' }>;

/** Errors: MODEL_DEMO_UNAVAILABLE, MODEL_FILE_MISSING, MODEL_FILE_UNREADABLE, MODEL_FORMAT_UNSUPPORTED, MODEL_REFERENCE_INVALID. */
export const resolveModel = async (
  reference: LocalReference,
  type: Pick<TypeDescription, 'name' | 'models'>,
  pluginRoot: string,
  hive: string,
  headers: GgufHeaders,
): Promise<ResolvedModel> => {
  const path = pathOf(reference, type, pluginRoot);
  const formats = type.models?.formats ?? [];
  const written = formatModelReference(reference);
  const facts = await factsOf(path, { type: type.name, formats, hive, headers, reference: written });
  return { files: { main: path }, facts };
};

export interface FormatRequest {
  /** Worker type, and the formats that it loads. */
  type: string;
  formats: readonly ModelFormat[];
  hive: string;
  reference: string;
  headers: GgufHeaders;
}

/** Facts about the model at a path. Errors: MODEL_FILE_MISSING, MODEL_FILE_UNREADABLE, MODEL_FORMAT_UNSUPPORTED. */
export const factsOf = async (path: string, request: FormatRequest): Promise<ModelFacts> => {
  const { type, formats, hive, reference, headers } = request;
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR')
      throw RbeeError.of('MODEL_FILE_MISSING', { path, hive }, { cause: error });
    throw unreadable(path, error);
  });
  // Opening a pipe or a device may block forever.
  if (!found.isFile() && !found.isDirectory()) throw unreadable(path, { message: 'it is neither a file nor a folder' });
  await access(path, constants.R_OK).catch((error) => {
    throw unreadable(path, error);
  });
  await refuseMistaken(path, request);
  const { format: known, bytes } = await looksLike(path, formats);
  // Formats unknown to the hive are left to the engine.
  const format = known ?? formats.find((name) => !recognised.has(name));
  if (format === undefined || !formats.includes(format)) {
    const problem =
      format !== undefined
        ? `it is ${format}`
        : found.isDirectory()
          ? await folderProblem(path)
          : found.size === 0
            ? 'it is empty'
            : 'its format is unknown';
    throw RbeeError.of('MODEL_FORMAT_UNSUPPORTED', { path, type, problem, formats: formats.join(', ') });
  }
  const metadata = format === 'gguf' ? await readGgufMetadata(headers, path) : {};
  return { reference, format, bytes, metadata };
};

/** Refuses files that look like a model but cannot be loaded. Errors: MODEL_FORMAT_UNSUPPORTED, MODEL_FILE_MISSING. */
const refuseMistaken = async (path: string, { type, formats, hive }: FormatRequest): Promise<void> => {
  const refuse = (problem: string) =>
    RbeeError.of('MODEL_FORMAT_UNSUPPORTED', { path, type, problem, formats: formats.join(', ') });
  if ((await stat(path)).isDirectory()) return;
  const problem = mistakenFor(await headOf(path));
  if (problem !== undefined) throw refuse(problem);
  const [, start, part, total, ending] = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/i.exec(basename(path)) ?? [];
  if (start === undefined) return;
  const nameOf = (index: number) => `${start}-${String(index).padStart(5, '0')}-of-${total}${ending}`;
  if (Number(part) !== 1) {
    throw refuse(`it is part ${Number(part)} of ${Number(total)}: use the first part, ${nameOf(1)}`);
  }
  const there = new Set((await partsOf(path)).map((other) => basename(other)));
  for (let index = 2; index <= Number(total); index += 1) {
    if (there.has(nameOf(index))) continue;
    throw RbeeError.of('MODEL_FILE_MISSING', { path: join(dirname(path), nameOf(index)), hive });
  }
};

/** Some engines load a folder as a model, but none loads a folder of files that are models themselves. */
const folderProblem = async (path: string): Promise<string> => {
  const names = (await readdir(path)).filter((name) => weightFormat(name) === 'gguf').sort();
  const [first, ...others] = names;
  if (first === undefined) return 'it is a folder without a model in a known format';
  const which = others.length === 0 ? 'the file in it' : `one of the ${names.length} files in it`;
  return `it is a folder; use ${which}, such as ${join(path, first)}`;
};

/** The format (null if unknown) and size in bytes of the model at a path, including all parts. */
export const looksLike = async (
  path: string,
  formats?: readonly ModelFormat[],
): Promise<{ format: ModelFormat | null; bytes: number }> => {
  if ((await stat(path)).isDirectory()) {
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
    return { format: folderFormat(files, formats), bytes: await sizeOfAll(files) };
  }
  return { format: formatOf(path, await headOf(path)) ?? null, bytes: await sizeOfAll(await partsOf(path)) };
};

/** All parts of a split model, in order; for any other file, only that file. */
export const partsOf = async (path: string): Promise<string[]> => {
  const name = basename(path);
  if (groupName(name) === name) return [path];
  const names = await readdir(dirname(path));
  return names
    .filter((other) => groupName(other) === groupName(name))
    .sort()
    .map((other) => join(dirname(path), other));
};

const sizeOfAll = async (files: readonly string[]): Promise<number> => {
  const sizes = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
};

const pathOf = (
  reference: LocalReference,
  type: Pick<TypeDescription, 'name' | 'models'>,
  pluginRoot: string,
): string => {
  if (reference.kind === 'demo') {
    if (type.models?.demo === undefined) throw RbeeError.of('MODEL_DEMO_UNAVAILABLE', { type: type.name });
    return insideFolder(pluginRoot, plainPath(type.models.demo));
  }
  return absolutePath(reference);
};

/** Errors: MODEL_REFERENCE_INVALID for a path that is not absolute on the hive. */
export const absolutePath = (reference: Extract<ModelReference, { kind: 'file' }>): string => {
  if (isAbsolute(reference.path)) return reference.path;
  throw RbeeError.of('MODEL_REFERENCE_INVALID', {
    reference: formatModelReference(reference),
    problem: 'the path must be absolute on the hive',
  });
};

const unreadable = (path: string, error: Pick<NodeJS.ErrnoException, 'code' | 'message'>): RbeeError =>
  RbeeError.of('MODEL_FILE_UNREADABLE', { path, problem: error.code ?? error.message }, { cause: error });

/** The first bytes of a file. */
export const headOf = async (path: string): Promise<Buffer> => {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
};
