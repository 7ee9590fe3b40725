/**
 * Packs rbee for other machines: the hive and its dependencies, without the command line, the queen or npm. Works from a
 * checkout and from an installed package, and packs again only after a change.
 */
import { readFile, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type PackEntry, pack } from '../archives/pack.ts';
import type { Narrate } from '../contract/api/narration.ts';
import { RbeeError } from '../contract/errors.ts';
import { asStep } from '../programs/progress.ts';
import { collectPackages } from './collect-packages.ts';
import { fingerprint } from './fingerprint.ts';
import { inOwnFolder } from './own-folder.ts';
import { isRunWith, packageFiles } from './package-files.ts';
import { readRecord, writeRecord } from './record.ts';
import { markUsed, sweep } from './sweep.ts';

export interface AppBundle {
  version: string;
  /** `<version>-<hash8>`: identifies the contents. */
  id: string;
  /** Absolute path of the archive (tar, zstd). */
  file: string;
  /** SHA-256 of the archive. */
  sha256: string;
  size: number;
  /** Path of the hive in it, to be run with Node. */
  entry: string;
}

export interface AppOptions {
  /** Folder of this rbee's package, with `dist` in it. */
  root: string;
  /** Cache folder. */
  cache: string;
  narrate: Narrate;
  signal: AbortSignal;
}

/** Written by the build: the files of the hive. */
interface HiveParts {
  /** Relative to `dist`. */
  files: string[];
  /** npm packages that these files load. */
  packages: string[];
}

/** Path of the hive inside the archive; the same in every version. */
export const hiveEntry = 'dist/hive/daemon.js';

/** The archive fits every platform. Errors: APP_INCOMPLETE, PACKAGE_MISSING, NO_SPACE, STATE_UNWRITABLE. */
export const bundleApp = async ({ root, cache, narrate, signal }: AppOptions): Promise<AppBundle> => {
  const folder = join(cache, 'bundles');
  const { version, entries } = await collectApp(root);
  const record = join(folder, `app-${await fingerprint(entries)}.json`);
  const there = await known(record);
  if (there) return there;
  const text = `packing rbee ${version} for other machines`;
  return asStep(narrate, { id: 'bundle-app', text, done: `packed rbee ${version}`, unit: 'bytes' }, (progress) =>
    inOwnFolder(folder, async (own) => {
      const packed = await pack(entries, { folder: own, signal, onProgress: progress });
      const { contents, sha256, size } = packed;
      const file = join(folder, `${sha256}.tar.zst`);
      await rename(packed.file, file);
      const bundle = { version, id: `${version}-${contents.slice(0, 8)}`, sha256, size, entry: hiveEntry };
      await writeRecord(record, bundle);
      await sweep(folder, Date.now());
      return { ...bundle, file };
    }),
  );
};

/** Whether the archive still exists. */
export const isWhole = async ({ file, size }: AppBundle): Promise<boolean> => {
  const found = await stat(file).catch(() => null);
  return found !== null && found.size === size;
};

const known = async (record: string): Promise<AppBundle | null> => {
  const read = await readRecord<Omit<AppBundle, 'file'>>(record);
  if (!read) return null;
  // The archive lies next to its record; a recorded absolute path would break if the cache moves.
  const bundle = { ...read, file: join(dirname(record), `${read.sha256}.tar.zst`) };
  if (!(await isWhole(bundle))) return null;
  await markUsed([record, bundle.file]);
  return bundle;
};

const collectApp = async (root: string): Promise<{ version: string; entries: PackEntry[] }> => {
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license: string;
    dependencies: Record<string, string>;
  };
  const { files, packages } = await partsOf(root);
  const own = files.map((path): PackEntry => {
    const inner = join('dist', path);
    return { path: inner, kind: 'file', file: join(root, inner), executable: false };
  });
  const { name, version, license } = manifest;
  const text = `${JSON.stringify({ name, version, license, type: 'module' }, null, 2)}\n`;
  const anywhere = { os: process.platform, cpu: process.arch };
  const needs = {
    dependencies: Object.fromEntries(packages.map((one) => [one, manifest.dependencies[one] ?? '*'])),
    optionalDependencies: {},
  };
  const needed = await collectPackages(root, needs, { target: anywhere, here: anywhere });
  const others = needed.map(({ folder, name, place }) => packageFiles(folder, { name, place, wants: isRunWith }));
  return {
    version,
    entries: [{ path: 'package.json', kind: 'text', text }, ...own, ...(await Promise.all(others)).flat()],
  };
};

const partsOf = async (root: string): Promise<HiveParts> => {
  const file = join(root, 'dist/hive/parts.json');
  try {
    return JSON.parse(await readFile(file, 'utf8')) as HiveParts;
  } catch (error) {
    throw RbeeError.of('APP_INCOMPLETE', { path: file, problem: (error as Error).message }, { cause: error });
  }
};
