/** What a hive knows of one model: where it comes from, which files it has at that commit, and which of them are here. */
import { parseModelReference } from '../../contract/model-reference.ts';
import type { GgufView } from '../../contract/models.ts';

export interface ManifestFile {
  path: string;
  /** Null as long as nobody has said how large it is. */
  bytes: number | null;
  /** What it must be; null where the server does not tell. */
  sha256: string | null;
  /** Git's own hash of a small file. */
  git: string | null;
  /** Was it asked for? */
  wanted: boolean;
  /** SHA-256 under which it is here; null while it is not. */
  blob: string | null;
}

export interface Manifest {
  version: 1;
  /** As users write it. */
  reference: string;
  source: 'hf' | 'https' | 'file';
  /** Name of its folder: of the repository, or of the file without its ending. */
  name: string;
  commit: string | null;
  /** ISO 8601. */
  addedAt: string;
  files: ManifestFile[];
  /** Of the first GGUF file that is whole; null where there is none. */
  gguf: GgufView | null;
  /** All that was asked for was here at some time. */
  wasComplete?: boolean;
}

/** Fields are only ever added, so a manifest of another version is one as long as these fit. */
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
