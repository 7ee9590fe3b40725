/**
 * Unpacks an untrusted npm package: only files and folders, no duplicate names, with limits on size. It is read twice,
 * so that a refused package writes nothing.
 */
import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type EntryLimits, EntryRefused, EntryRules } from '../../archives/entry-rules.ts';
import { type EntrySink, TreeWriter } from '../../archives/tree-writer.ts';
import { unpackTar } from '../../archives/unpack-tar.ts';
import { FetchError } from './fetch-error.ts';

export const maxPackedBytes = 1024 ** 3;

export const packageLimits: EntryLimits = {
  maxEntries: 50_000,
  maxBytes: 2 * 1024 ** 3,
  links: false,
  uniqueNames: true,
};

const maxManifestBytes = 1024 ** 2;

export interface Unpacked {
  bytes: number;
  files: number;
}

export interface Survey extends Unpacked {
  /** Text of its package.json; null if it is missing or too large. */
  manifest: string | null;
}

/** Unpacks `file` into `folder`. `what` names the package in errors. Throws FetchError. */
export const unpackPackage = async (file: string, folder: string, what: string): Promise<Unpacked> => {
  const { bytes, files } = await surveyPackage(file, what);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const tree = new TreeWriter(folder, { strip: 1, limits: packageLimits });
  await readPackage(file, tree, what);
  await tree.finish();
  return { bytes, files };
};

/** Checks the whole package in `file` without writing anything. Throws FetchError. */
export const surveyPackage = async (file: string, what: string, limits = packageLimits): Promise<Survey> => {
  const rules = new EntryRules(limits, 1);
  const pieces: Uint8Array[] = [];
  await readPackage(
    file,
    {
      folder: async (name) => {
        rules.admit(name, 'folder');
      },
      file: async ({ name, size }, body) => {
        const isManifest = rules.admit(name, 'file', size) === 'package.json' && size <= maxManifestBytes;
        for await (const chunk of body) {
          rules.add(chunk.length);
          if (isManifest) pieces.push(chunk);
        }
      },
      symlink: (name) => void rules.admit(name, 'link'),
      hardlink: (name) => void rules.admit(name, 'link'),
    },
    what,
    limits,
  );
  if (rules.entries === 0) throw new FetchError('refused', what, 'it is empty');
  const manifest = pieces.length === 0 ? null : Buffer.concat(pieces).toString('utf8');
  return { bytes: rules.bytes, files: rules.entries, manifest };
};

/** Allowance for an entry's headers in the stream. */
const headerBytes = 2_048;

/** Passes the entries of the package in `file` to `sink`. Throws FetchError. */
export const readPackage = async (
  file: string,
  sink: EntrySink,
  what: string,
  { maxBytes, maxEntries } = packageLimits,
): Promise<void> => {
  const stream = pipeline(createReadStream(file), createGunzip(), () => {});
  const maxStreamBytes = maxBytes + maxEntries * headerBytes;
  await unpackTar(stream, sink, { maxStreamBytes, stopAtEnd: true }).catch((error: Error) => {
    const problem = error instanceof EntryRefused ? error.message : `it cannot be unpacked: ${error.message}`;
    throw new FetchError('refused', what, problem, error);
  });
};
