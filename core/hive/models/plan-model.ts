/** Decides what to record about a model and which of its files to download. */
import { basename } from 'node:path';
import { formatModelReference, type ModelReference } from '../../contract/model-reference.ts';
import type { HubListing } from './hub.ts';
import { isSafePath, type Manifest, type ManifestFile } from './manifest.ts';

export type RemoteReference = Extract<ModelReference, { kind: 'hf' | 'https' }>;

/** SHA-256 of each chosen file that is on disk; null for a chosen file that is not. */
export type OnDisk = ReadonlyMap<string, string | null>;

export interface ModelPlan {
  /** With the chosen files marked as wanted, and the content of those on disk. */
  manifest: Manifest;
  /** Chosen files to download. */
  missing: readonly ManifestFile[];
}

export const planModel = (known: Manifest, onDisk: OnDisk): ModelPlan => ({
  manifest: { ...known, files: known.files.map((file) => markWanted(file, onDisk)) },
  missing: known.files.filter(({ path }) => onDisk.get(path) === null),
});

export const markWanted = (file: ManifestFile, onDisk: OnDisk): ManifestFile => {
  const blob = onDisk.get(file.path);
  return blob === undefined ? file : { ...file, wanted: true, blob };
};

/** The source's listing, merged with what this machine knows about the same files. */
export const manifestFor = (
  reference: RemoteReference,
  before: Manifest | null,
  { commit, files: listed }: Omit<HubListing, 'unsafe'>,
): Manifest => {
  const known = new Map(before?.files.map((file) => [file.path, file]));
  const files = listed.map((file) => {
    const old = known.get(file.path);
    // A file without a checksum may have changed at the same URL.
    const isSame = (file.sha256 ?? file.git) !== null && old?.sha256 === file.sha256 && old.git === file.git;
    return { ...file, wanted: old?.wanted ?? false, blob: isSame ? (old?.blob ?? null) : null };
  });
  return {
    version: 1,
    reference: formatModelReference(reference),
    source: reference.kind,
    name: reference.kind === 'hf' ? basename(reference.repo) : fileName(reference),
    commit,
    addedAt: before?.addedAt ?? new Date().toISOString(),
    files,
    gguf: before?.commit === commit ? (before?.gguf ?? null) : null,
    ...(before?.wasComplete === true && { wasComplete: true }),
  };
};

/** A URL, as the listing of a repository with one file. */
export const urlListing = (reference: Extract<RemoteReference, { kind: 'https' }>): HubListing => {
  const file = { path: fileName(reference), bytes: null, sha256: reference.sha256 ?? null, git: null };
  return { commit: null, files: [file], unsafe: [] };
};

/** The last segment of the URL, if it is safe as a file name. */
const fileName = ({ url }: Extract<RemoteReference, { kind: 'https' }>): string => {
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  try {
    const name = decodeURIComponent(last);
    return isSafePath(name) && !name.includes('/') ? name : 'model';
  } catch {
    return 'model';
  }
};
