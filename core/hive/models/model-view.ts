/** Views of models, for users and programs. */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseModelReference, servedName } from '../../contract/model-reference.ts';
import type { ModelDetails, ModelView } from '../../contract/models.ts';
import { mainFile } from './files/main-file.ts';
import type { GgufHeaders } from './gguf/gguf-headers.ts';
import { readGgufView } from './gguf/gguf-metadata.ts';
import { type Manifest, wantedFiles } from './manifest.ts';
import { looksLike, partsOf } from './model-files.ts';
import { amountsOf } from './model-installer.ts';
import { type ModelUser, usersOfFolder } from './model-users.ts';
import type { ModelStore } from './store.ts';

export interface ViewParts {
  hive: string;
  store: ModelStore;
  headers: GgufHeaders;
  users: readonly ModelUser[];
  /** The state of an incomplete model's download. */
  download: (manifest: Manifest) => Promise<Pick<ModelView, 'begunBytes' | 'downloading'>>;
}

export const detailsOf = async (manifest: Manifest, parts: ViewParts, changed = false): Promise<ModelDetails> =>
  manifest.source === 'file' ? fileDetails(manifest, parts, changed) : storedDetails(manifest, parts, changed);

/** Without the list of files, which may be long. */
export const viewOf = ({ files, ...view }: ModelDetails): ModelView => view;

const storedDetails = async (
  { source, ...manifest }: Manifest,
  { hive, store, users, download }: ViewParts,
  changed: boolean,
): Promise<ModelDetails> => {
  const { reference, commit, addedAt, gguf } = manifest;
  const parsed = parseModelReference(reference);
  const files = wantedFiles({ ...manifest, source });
  const complete = files.length > 0 && files.every(({ blob }) => blob !== null);
  const select = parsed.kind === 'hf' ? parsed.select : undefined;
  const main = mainFile(
    files.map(({ path }) => path),
    { select },
  );
  const { here, wanted } = amountsOf({ ...manifest, source });
  return {
    hive,
    model: reference,
    name: servedName(parsed),
    source,
    commit,
    format: main.format,
    bytes: here,
    wantedBytes: wanted,
    complete,
    ...(complete ? settled : await download({ ...manifest, source })),
    path: complete ? join(store.tree(manifest), main.path) : null,
    gguf,
    workers: usersOfFolder(users, store.treePrefix(reference)),
    addedAt,
    changed,
    files: files.map(({ path, bytes, blob }) => ({ path, bytes: bytes ?? 0, sha256: blob })),
  };
};

const settled = { begunBytes: 0, downloading: false };

/** A model in a place chosen by the user: examined each time, because it may change. */
const fileDetails = async (
  { reference, addedAt }: Manifest,
  { hive, users, headers }: ViewParts,
  changed: boolean,
): Promise<ModelDetails> => {
  const parsed = parseModelReference(reference);
  const path = parsed.kind === 'file' ? parsed.path : '';
  const there = await stat(path).catch(() => null);
  const { format, bytes } = await looksLike(path).catch(() => ({ format: null, bytes: there?.size ?? 0 }));
  const parts = there?.isFile() ? await partsOf(path) : [];
  return {
    hive,
    model: reference,
    name: servedName(parsed),
    source: 'file',
    commit: null,
    format,
    bytes,
    wantedBytes: bytes,
    complete: there !== null,
    ...settled,
    path: there === null ? null : path,
    gguf: format === 'gguf' ? await readGgufView(headers, parts) : null,
    workers: users.filter(({ references }) => references.includes(reference)).map(({ worker }) => worker),
    addedAt: addedAt === '' ? null : addedAt,
    changed,
    files: await Promise.all(parts.map(async (part) => ({ path: part, bytes: (await stat(part)).size, sha256: null }))),
  };
};

/** A view of a `file:` model that was never added. */
export const fileManifest = (reference: string, addedAt: string): Manifest => {
  const parsed = parseModelReference(reference);
  const name = parsed.kind === 'file' ? basename(parsed.path) : reference;
  return { version: 1, reference, source: 'file', name, commit: null, addedAt, files: [], gguf: null };
};
