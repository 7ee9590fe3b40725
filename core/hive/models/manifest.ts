/** What a hive knows about a model: its source, the files at its commit, and which of them are on disk. */
import { parseModelReference } from '../../contract/model-reference.ts';
import type { GgufView } from '../../contract/models.ts';
import { isSafePath as isSafe } from '../../contract/safe-path.ts';

export interface ManifestFile {
  path: string;
  /** Null: unknown. */
  bytes: number | null;
  /** Expected; null if the server does not report it. */
  sha256: string | null;
  /** Git's hash; small files only. */
  git: string | null;
  /** Whether it was requested. */
  wanted: boolean;
  /** SHA-256 of the file on disk; null if it is missing. */
  blob: string | null;
}

export interface Manifest {
  version: 1;
  /** As users write it. */
  reference: string;
  source: 'hf' | 'https' | 'file';
  /** Name of its folder: the repository's name, or the file's without its extension. */
  name: string;
  commit: string | null;
  /** ISO 8601. */
  addedAt: string;
  files: ManifestFile[];
  /** Header of the first complete GGUF file; null if there is none. */
  gguf: GgufView | null;
  /** Whether all requested files have ever been on disk. */
  wasComplete?: boolean;
}

/** Fields are only added over time, so a manifest of another version is valid if these are. */
export const parseManifest = (text: string): Manifest | null => {
  try {
    const value = JSON.parse(text) as Partial<Manifest> | null;
    const fits =
      typeof value?.reference === 'string' &&
      typeof value.name === 'string' &&
      (value.commit === null || typeof value.commit === 'string') &&
      isReference(value.reference) &&
      (value.source === 'hf' || value.source === 'https' || value.source === 'file') &&
      Array.isArray(value.files) &&
      value.files.every(({ path, blob }) => typeof path === 'string' && (blob === null || /^[0-9a-f]{64}$/.test(blob)));
    return fits ? (value as Manifest) : null;
  } catch {
    return null;
  }
};

const isReference = (text: string): boolean => {
  try {
    parseModelReference(text);
    return true;
  } catch {
    return false;
  }
};

export const wantedFiles = ({ files }: Manifest): ManifestFile[] => files.filter(({ wanted }) => wanted);

/** Shorter than the system's limits, because part files and locks add to the names of model files. */
export const isSafePath = (path: string): boolean => isSafe(path, { pathBytes: 1_000, nameBytes: 240 });
