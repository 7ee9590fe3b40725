/**
 * Worker types for hives on other machines: built here for their platform, uploaded once, taken in by the hive. What
 * builds them is loaded with the first: most queens never do.
 */
import type { Paths } from '../../config/paths.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import { RbeeError } from '../../contract/errors.ts';
import { formatBytes } from '../../narration/quantities.ts';
import type {
  Deliveries,
  DeliveryHost,
  DeliveryRequest,
  Delivery as Packed,
} from '../../registry/delivery/deliveries.ts';
import type { Fetcher } from '../../registry/install/fetcher.ts';
import { confirmPublisher } from './confirm-publisher.ts';
import type { Machine, RemoteCall } from './machine.ts';

export type { DeliveryRequest } from '../../registry/delivery/deliveries.ts';

export interface DeliveryOptions {
  paths: Paths;
  config: RbeeConfig;
  env: NodeJS.ProcessEnv;
  fetcher: () => Promise<Fetcher>;
}

export interface ResolveCall {
  signal: AbortSignal;
  offline?: boolean;
  /** Not what the lock says, but the newest within the range. */
  update?: boolean;
}

export interface BringRequest extends DeliveryRequest {
  /** Also when it is there already. */
  force?: boolean;
}

export class PluginDelivery {
  readonly #options: DeliveryOptions;
  #deliveries: Promise<Deliveries> | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** What a range of a type means now. A plugin that is being worked on here is as it is. */
  async resolve(
    type: string,
    range: string | undefined,
    { signal, offline, update }: ResolveCall,
  ): Promise<{ package: string; version: string; integrity: string | null }> {
    const deliveries = await this.#load();
    const found = await deliveries.resolve(
      { plugin: type, ...(range !== undefined && { version: range }), offline, update },
      { signal, narrate: () => {} },
    );
    return { package: found.package, version: found.version, integrity: found.integrity };
  }

  /** Does this machine have the package, or a version of it in rbee.lock? */
  async knows(name: string): Promise<boolean> {
    return (await this.#load()).knows(name);
  }

  /** What is there already is left as it is. Errors: those of `Deliveries`, of uploading, and of the hive. */
  async bring(hive: Machine, { force = false, ...request }: BringRequest, call: RemoteCall): Promise<{ name: string }> {
    const { client } = hive.connection;
    const { signal, narrate } = call;
    const { devices, host } = await client.devices(signal);
    const deliveries = await this.#load();
    const target = { alias: hive.alias, facts: { ...host, devices, probes: {} } };
    const deliver = (accepted?: string) =>
      deliveries.deliver({ ...request, ...(accepted !== undefined && { accepted }) }, target, call);
    let packed: Packed;
    try {
      packed = await deliver();
    } catch (error) {
      packed = await deliver(await confirmPublisher(error, call.ask));
    }
    if (force || !(await this.#has(hive, packed, signal))) await this.#handOver(hive, packed, call);
    await this.#prepare(hive, packed, target, call);
    narrate({
      kind: 'info',
      text: `${packed.entry.name} ${packed.entry.version} (${packed.entry.variants.join(', ')}) is there`,
    });
    return { name: packed.entry.name };
  }

  async #has({ connection: { client } }: Machine, { entry }: Packed, signal: AbortSignal): Promise<boolean> {
    const { plugins } = await client.plugins('list', {}, { signal });
    return plugins.some(
      ({ name, integrity, installed }) =>
        name === entry.name && integrity === entry.integrity && entry.variants.every((one) => installed.includes(one)),
    );
  }

  async #handOver(hive: Machine, { archive, sha256, size, entry }: Packed, call: RemoteCall): Promise<void> {
    await hive.withAgent(call, async (agent) => {
      const place = `${agent.hello.paths.data}/uploads/${sha256}.tar.zst`;
      await hive.upload(archive, place, `${entry.name} ${entry.version} (${formatBytes(size)})`, call);
      await hive.connection.client.plugins('import', { archive: place, sha256, entry }, call);
      await agent.call('remove', [place]);
    });
  }

  /** Has the program of the variant installed; what the machine cannot download is downloaded here. */
  async #prepare(hive: Machine, packed: Packed, target: DeliveryHost, call: RemoteCall): Promise<void> {
    const { client } = hive.connection;
    for (const type of packed.types) {
      const request = { plugin: type, variant: packed.variant };
      try {
        await client.plugins('prepare', request, call);
      } catch (error) {
        if (!(error instanceof RbeeError) || error.code !== 'DOWNLOAD_FAILED') throw error;
        const { ready, sources } = await client.plugins('needs', request, call);
        if (!ready) await this.#bringFiles(hive, { packed, type, target, lacking: sources.map(({ id }) => id) }, call);
        await client.plugins('prepare', request, call);
      }
    }
  }

  /** Where the files come from, what they must be and where they go is found out here: from the hive come names. */
  async #bringFiles(hive: Machine, { packed, type, target, lacking }: Bringing, call: RemoteCall): Promise<void> {
    const { bringDownloads } = await import('../../registry/binaries/bring-downloads.ts');
    const { cachedFile, downloadFetcher } = await import('../../registry/binaries/fetcher.ts');
    const { downloadsFolder } = await import('../../registry/binaries/places.ts');
    const { env, paths } = this.#options;
    const { entry, variant } = packed;
    const sources = await (await this.#load()).sourcesOf(packed, { type, variant }, target, call);
    const files = await bringDownloads(
      sources.filter(({ id }) => lacking.includes(id)),
      {
        what: type,
        plugin: { package: entry.name, version: entry.version },
        fetcher: downloadFetcher(env),
        cache: paths.cache,
        ...call,
      },
    );
    await hive.withAgent(call, async ({ hello }) => {
      const folder = downloadsFolder({ cache: hello.paths.cache });
      for (const { file, sha256 } of files) {
        await hive.upload(file, cachedFile(folder, sha256), `a file of ${type}`, call);
      }
    });
  }

  #load(): Promise<Deliveries> {
    this.#deliveries ??= (async () => {
      const { Deliveries } = await import('../../registry/delivery/deliveries.ts');
      const { paths, config, env, fetcher } = this.#options;
      const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
      const libc = header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
      return new Deliveries({
        data: paths.data,
        config: paths.config,
        cache: paths.cache,
        env,
        registry: config.registry,
        fetcher: await fetcher(),
        here: { os: process.platform, cpu: process.arch, ...(process.platform === 'linux' && { libc }) },
      });
    })();
    return this.#deliveries;
  }
}

/** A program that a machine could not download by itself. */
interface Bringing {
  packed: Packed;
  type: string;
  target: DeliveryHost;
  /** Ids of its sources that the hive does not have. */
  lacking: readonly string[];
}
