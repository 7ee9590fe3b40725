/** What is uploaded to machines. Built on first use, cached, and the same for all machines of a platform. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdDecompress } from 'node:zlib';
import { packageRoot } from '../../config/version.ts';
import type { Narrate } from '../../contract/api/narration.ts';
import { type AppBundle, bundleApp, isWhole } from '../../delivery/app.ts';
import { findLibatomic, type Library } from '../../delivery/libatomic.ts';
import { type BundleTarget, bringRuntime, type NodeRuntime } from '../../delivery/runtime.ts';
import type { RegistryClient } from '../../plugins/fetch/registry-client.ts';
import type { RuntimePacking } from '../../ssh/bootstrap.ts';

export interface BundlesOptions {
  cache: string;
  /** Called on the first download. */
  fetcher: () => Promise<RegistryClient>;
}

export interface BundleCall {
  narrate: Narrate;
  signal: AbortSignal;
  /** Use cached downloads only. */
  offline?: boolean;
}

export class Bundles {
  readonly #options: BundlesOptions;
  #agent: Promise<{ name: string; file: string }> | undefined;
  #app: Promise<AppBundle> | undefined;
  readonly #packings: Record<string, Promise<void>> = {};

  constructor(options: BundlesOptions) {
    this.#options = options;
  }

  /** rbee for other machines. Concurrent calls share one build. */
  app({ narrate, signal }: BundleCall): Promise<AppBundle> {
    const before = this.#app;
    const { cache } = this.#options;
    this.#app = (async () => {
      const there = await before?.catch(() => null);
      // A cache can be emptied at any time.
      return there && (await isWhole(there)) ? there : bundleApp({ root: packageRoot(), cache, narrate, signal });
    })();
    return this.#app;
  }

  async runtime(target: BundleTarget, call: BundleCall): Promise<NodeRuntime> {
    const fetcher = {
      take: async (...args: Parameters<RegistryClient['take']>) => (await this.#options.fetcher()).take(...args),
    };
    return bringRuntime(target, { cache: this.#options.cache, fetcher, ...call });
  }

  /** A runtime in a format that the machine can unpack; repacked on first use. `size` in bytes. */
  async packed(runtime: NodeRuntime, packing: RuntimePacking): Promise<{ file: string; size: number }> {
    if (packing === 'zstd') return { file: runtime.file, size: runtime.packedSize };
    const file = runtime.file.replace(/zst$/, packing === 'gzip' ? 'gz' : 'raw');
    this.#packings[file] ??= repack(runtime.file, file, packing);
    try {
      await this.#packings[file];
    } finally {
      delete this.#packings[file];
    }
    return { file, size: (await stat(file)).size };
  }

  /** The library that Node needs and the machine lacks. Null if this machine is of another platform. */
  library(target: BundleTarget): Promise<Library | null> {
    const { os, cpu } = target;
    const { glibcVersionRuntime } = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header;
    const libc = process.platform === 'linux' ? (glibcVersionRuntime === undefined ? 'musl' : 'glibc') : undefined;
    return findLibatomic({ os, cpu, libc: target.libc }, { os: process.platform, cpu: process.arch, libc });
  }

  /** The agent. Its name is a hash of its contents. */
  agent(): Promise<{ name: string; file: string }> {
    this.#agent ??= (async () => {
      const file = join(packageRoot(), 'dist', 'agent', 'agent.mjs');
      const hash = createHash('sha256')
        .update(await readFile(file))
        .digest('hex')
        .slice(0, 12);
      return { name: `${hash}.mjs`, file };
    })();
    return this.#agent;
  }
}

/** Written to a temporary file and renamed, so a second queen that does the same does no harm. */
const repack = async (from: string, to: string, packing: RuntimePacking): Promise<void> => {
  if (await stat(to).catch(() => null)) return;
  const part = `${to}.${process.pid}.part`;
  const out = createWriteStream(part, { mode: 0o600 });
  try {
    const [read, unpack] = [createReadStream(from), createZstdDecompress()];
    await (packing === 'gzip' ? pipeline(read, unpack, createGzip({ level: 6 }), out) : pipeline(read, unpack, out));
    await rename(part, to);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
};
