/** What is put on machines: made when it is first needed, kept in the cache, the same for all machines of a platform. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { packageRoot } from '../../config/version.ts';
import type { Narrate } from '../../contract/narration.ts';
import { type AppBundle, bundleApp, isWhole } from '../../registry/bundle/app.ts';
import { findLibatomic, type Library } from '../../registry/bundle/libatomic.ts';
import { type BundleTarget, bringRuntime, type NodeRuntime } from '../../registry/bundle/runtime.ts';
import type { Fetcher } from '../../registry/install/fetcher.ts';

export interface BundlesOptions {
  cache: string;
  /** Made when something is first fetched. */
  fetcher: () => Promise<Fetcher>;
}

export interface BundleCall {
  narrate: Narrate;
  signal: AbortSignal;
  /** Only what was fetched before. */
  offline?: boolean;
}

export class Bundles {
  readonly #options: BundlesOptions;
  #agent: Promise<{ name: string; file: string }> | undefined;
  #app: Promise<AppBundle> | undefined;

  constructor(options: BundlesOptions) {
    this.#options = options;
  }

  /** rbee for other machines. Asked for by many at once, it is made once. */
  app({ narrate, signal }: BundleCall): Promise<AppBundle> {
    const before = this.#app;
    const { cache } = this.#options;
    this.#app = (async () => {
      const there = await before?.catch(() => null);
      // What is in a cache may be taken away at any time.
      return there && (await isWhole(there)) ? there : bundleApp({ root: packageRoot(), cache, narrate, signal });
    })();
    return this.#app;
  }

  async runtime(target: BundleTarget, call: BundleCall): Promise<NodeRuntime> {
    const fetcher = {
      take: async (...args: Parameters<Fetcher['take']>) => (await this.#options.fetcher()).take(...args),
    };
    return bringRuntime(target, { cache: this.#options.cache, fetcher, ...call });
  }

  /** The program of a runtime as it is, for machines that cannot unpack it. */
  async unpacked({ file, size }: NodeRuntime): Promise<string> {
    const raw = `${file}.raw`;
    if ((await stat(raw).catch(() => null))?.size === size) return raw;
    const part = `${raw}.${process.pid}.part`;
    await pipeline(createReadStream(file), createGunzip(), createWriteStream(part, { mode: 0o600 }));
    await rename(part, raw);
    return raw;
  }

  /** The library that Node needs and the machine lacks; null where this machine is of another kind. */
  library(target: BundleTarget): Promise<Library | null> {
    const { os, cpu } = target;
    const { glibcVersionRuntime } = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header;
    const libc = process.platform === 'linux' ? (glibcVersionRuntime === undefined ? 'musl' : 'glibc') : undefined;
    return findLibatomic({ os, cpu, libc: target.libc }, { os: process.platform, cpu: process.arch, libc });
  }

  /** The agent, named by its contents. */
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
