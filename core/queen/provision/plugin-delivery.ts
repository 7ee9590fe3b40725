/**
 * Brings worker types to hives on other machines: built here for their platform, uploaded once, installed by the hive.
 * Loaded on first use, because most queens never need it.
 */
import type { Paths } from '../../config/paths.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import type { PluginView } from '../../contract/plugins.ts';
import type { HiveNeed } from '../../contract/worker-type/needs.ts';
import type { Confirm, Deliveries, Delivery, DeliveryHost, DeliveryRequest } from '../../delivery/deliveries.ts';
import { formatBytes } from '../../narration/quantities.ts';
import type { RegistryClient } from '../../plugins/fetch/registry-client.ts';
import { confirmPublisher } from './confirm-publisher.ts';
import type { Machine, RemoteCall } from './machine.ts';
import { whyRefused } from './outdated-hive.ts';

export type { DeliveryRequest } from '../../delivery/deliveries.ts';

export interface DeliveryOptions {
  paths: Paths;
  config: RbeeConfig;
  env: NodeJS.ProcessEnv;
  fetcher: () => Promise<RegistryClient>;
}

export interface ResolveCall {
  signal: AbortSignal;
  offline?: boolean;
  /** Ignore the lock and take the newest version in the range. */
  update?: boolean;
}

/** A plugin on a machine. */
export interface Delivered {
  view: PluginView;
  /** The requested variant, or the best one for the machine. */
  variant: string;
  /** Worker types in the plugin. */
  types: readonly string[];
}

export class PluginDelivery {
  readonly #options: DeliveryOptions;
  #deliveries: Promise<Deliveries> | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Resolves a version range of a type. A linked plugin is used in whatever version it has. */
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

  /**
   * Keeps an existing installation unless forced. Asks about an unknown publisher before anything is downloaded.
   * Errors: any from `Deliveries`, the upload and the hive.
   */
  async deliver(
    machine: Machine,
    { force = false, ...request }: DeliveryRequest & { force?: boolean },
    call: RemoteCall,
  ): Promise<Delivered> {
    const { packed } = await this.#pack(machine, request, call);
    const there = force ? undefined : await whatIsThere(machine, packed, call);
    const view = there ? { ...there, changed: false } : await handOver(machine, packed, call);
    const { name, version, variants } = packed.entry;
    call.narrate({ kind: 'info', text: `${name} ${version} (${variants.join(', ')}) is there` });
    return { view, variant: packed.variant, types: packed.types };
  }

  /**
   * Uploads the files of a program to the download folder of the hive. The hive sends only names; the queen decides on
   * sources, hashes and paths. Errors: any from `deliver` and of downloads.
   */
  async bringProgram(
    machine: Machine,
    request: DeliveryRequest,
    wanted: Pick<ProgramNeed, 'type' | 'variant' | 'format' | 'sources'> & { options?: Record<string, unknown> },
    call: RemoteCall,
  ): Promise<void> {
    const { bringDownloads } = await import('../../programs/bring-downloads.ts');
    const { cachedFile, downloadCache } = await import('../../programs/download-cache.ts');
    const { downloadsFolder } = await import('../../programs/places.ts');
    const { env, paths } = this.#options;
    const { packed, target } = await this.#pack(machine, { ...request, variant: wanted.variant }, call);
    const sources = await (await this.#load()).sourcesOf(packed, wanted, target, call);
    const files = await bringDownloads(
      sources.filter(({ id }) => wanted.sources.includes(id)),
      {
        what: wanted.type,
        plugin: { package: packed.entry.name, version: packed.entry.version },
        fetcher: downloadCache(env),
        cache: paths.cache,
        ...call,
      },
    );
    await machine.withAgent(call, async ({ hello }) => {
      const folder = downloadsFolder({ cache: hello.paths.cache });
      for (const { file, sha256 } of files) {
        await machine.upload(file, cachedFile(folder, sha256), `a file of ${wanted.type}`, call);
      }
    });
  }

  /** The plugin packed for this machine; built once and cached. */
  async #pack(
    { alias, connection: { client } }: Machine,
    request: DeliveryRequest,
    call: RemoteCall,
  ): Promise<{ packed: Delivery; target: DeliveryHost }> {
    const { devices, host } = await client.devices(call.signal);
    const target = { alias, facts: { ...host, devices, probes: {} } };
    const confirm: Confirm = (publisher) => confirmPublisher(publisher, call.ask);
    return { packed: await (await this.#load()).deliver(request, target, { ...call, confirm }), target };
  }

  #load(): Promise<Deliveries> {
    this.#deliveries ??= (async () => {
      const { Deliveries } = await import('../../delivery/deliveries.ts');
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

type ProgramNeed = Extract<HiveNeed, { kind: 'program' }>;

const whatIsThere = async (
  { connection: { client } }: Machine,
  { entry }: Delivery,
  { signal }: RemoteCall,
): Promise<PluginView | undefined> => {
  const { plugins } = await client.plugins('list', {}, { signal });
  return plugins.find(
    ({ name, integrity, installed }) =>
      name === entry.name && integrity === entry.integrity && entry.variants.every((one) => installed.includes(one)),
  );
};

const handOver = (
  machine: Machine,
  { archive, sha256, size, entry }: Delivery,
  call: RemoteCall,
): Promise<PluginView> =>
  machine.withAgent(call, async (agent) => {
    const place = `${agent.hello.paths.data}/uploads/${sha256}.tar.zst`;
    await machine.upload(archive, place, `${entry.name} ${entry.version} (${formatBytes(size)})`, call);
    const { client } = machine.connection;
    const view = await client.plugins('import', { archive: place, sha256, entry }, call).catch(async (error) => {
      throw await whyRefused(error, machine.alias, client, call);
    });
    await agent.call('remove', [place]);
    return view;
  });
