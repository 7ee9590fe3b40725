/**
 * Worker types for hives on other machines: built here for their platform, uploaded once, taken in by the hive. What
 * builds them is loaded with the first: most queens never do.
 */
import type { Paths } from '../../config/paths.ts';
import type { RbeeConfig } from '../../config/rbee-conf.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { ProgramNeeds } from '../../contract/plugins.ts';
import { formatBytes } from '../../narration/quantities.ts';
import type { Deliveries, DeliveryRequest, Delivery as Packed } from '../../registry/delivery/deliveries.ts';
import type { Fetcher } from '../../registry/install/fetcher.ts';
import { letInByPerson } from '../handlers/let-in.ts';
import type { RemoteCall, RemoteHive } from './remote-hive.ts';

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

  /** What is there already is left as it is. Errors: those of `Deliveries`, of uploading, and of the hive. */
  async bring(
    hive: RemoteHive,
    { force = false, ...request }: BringRequest,
    call: RemoteCall,
  ): Promise<{ name: string }> {
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
      packed = await deliver(await letInByPerson(error, call.ask));
    }
    if (force || !(await this.#has(hive, packed, signal))) await this.#handOver(hive, packed, call);
    await this.#prepare(hive, packed, call);
    narrate({
      kind: 'info',
      text: `${packed.entry.name} ${packed.entry.version} (${packed.entry.variants.join(', ')}) is there`,
    });
    return { name: packed.entry.name };
  }

  async #has({ connection: { client } }: RemoteHive, { entry }: Packed, signal: AbortSignal): Promise<boolean> {
    const { plugins } = await client.plugins('list', {}, { signal });
    return plugins.some(
      ({ name, integrity, installed }) =>
        name === entry.name && integrity === entry.integrity && entry.variants.every((one) => installed.includes(one)),
    );
  }

  async #handOver(hive: RemoteHive, { archive, sha256, size, entry }: Packed, call: RemoteCall): Promise<void> {
    await hive.withAgent(call, async (agent) => {
      const place = `${agent.hello.paths.data}/uploads/${sha256}.tar.zst`;
      await hive.upload(archive, place, `${entry.name} ${entry.version} (${formatBytes(size)})`, call);
      await hive.connection.client.plugins('import', { archive: place, sha256, entry }, call);
      await agent.call('remove', [place]);
    });
  }

  /** Has the program of the variant installed; what the machine cannot download is downloaded here. */
  async #prepare(hive: RemoteHive, { entry, variant }: Packed, call: RemoteCall): Promise<void> {
    const { client } = hive.connection;
    const { plugins } = await client.plugins('list', {}, call);
    for (const plugin of plugins.find(({ name }) => name === entry.name)?.types ?? []) {
      const request = { plugin, variant };
      try {
        await client.plugins('prepare', request, call);
      } catch (error) {
        if (!(error instanceof RbeeError) || error.code !== 'DOWNLOAD_FAILED') throw error;
        await this.#bringFiles(hive, plugin, await client.plugins('needs', request, call), call);
        await client.plugins('prepare', request, call);
      }
    }
  }

  async #bringFiles(hive: RemoteHive, what: string, needs: ProgramNeeds, call: RemoteCall): Promise<void> {
    const { bringDownloads } = await import('../../registry/binaries/bring-downloads.ts');
    const { downloadFetcher } = await import('../../registry/binaries/fetcher.ts');
    const { env, paths } = this.#options;
    const files = await bringDownloads(what, needs, { fetcher: downloadFetcher(env), cache: paths.cache, ...call });
    for (const { file, path } of files) await hive.upload(file, path, `a file of ${what}`, call);
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
