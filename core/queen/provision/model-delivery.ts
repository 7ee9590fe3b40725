/**
 * Brings models to machines that cannot reach the source: downloads here, uploads, and lets the hive verify the files.
 * Loaded on first use, because most queens never need it.
 */
import { localAlias } from '../../config/hive-entry.ts';
import type { Paths } from '../../config/paths.ts';
import type { ModelRequestOf } from '../../contract/models.ts';
import type { ModelsForMachines } from '../../hive/models/for-machines.ts';
import { formatBytes } from '../../narration/quantities.ts';
import type { Machine, RemoteCall } from './machine.ts';

export class ModelDelivery {
  readonly #options: { paths: Paths; env: NodeJS.ProcessEnv };
  #models: Promise<ModelsForMachines> | undefined;

  constructor(options: { paths: Paths; env: NodeJS.ProcessEnv }) {
    this.#options = options;
  }

  /**
   * After this, the hive's own download finds all files. Errors: any from the download, the upload and the hive.
   */
  async bring(machine: Machine, request: ModelRequestOf<'download'>, call: RemoteCall): Promise<void> {
    const { model } = request;
    const offered = await (await this.#load()).look(request, call);
    if (offered === null) return;
    const { client } = machine.connection;
    const { files } = await client.models('offer', { ...request, offer: offered.offer }, call);
    const lacking = new Set(files.map(({ path }) => path));
    // The hive may only choose from the offer. Other names are ignored.
    const paths = offered.offer.files.map(({ path }) => path).filter((path) => lacking.has(path));
    if (paths.length === 0) return;
    const { alias } = machine;
    call.narrate({ kind: 'info', text: `hive ${alias} cannot reach the source of ${model}: bringing it from here` });
    const here = await offered.fetch(paths, call);
    await machine.withAgent(call, async ({ hello }) => {
      for (const { path, file, bytes, placeBelow } of here) {
        const size = bytes === null ? '' : ` (${formatBytes(bytes)})`;
        await machine.upload(file, placeBelow(hello.paths.data), `${path} of ${model}${size}`, call);
      }
    });
  }

  #load(): Promise<ModelsForMachines> {
    this.#models ??= (async () => {
      const { ModelsForMachines } = await import('../../hive/models/for-machines.ts');
      const { paths, env } = this.#options;
      return new ModelsForMachines({ hive: localAlias, data: paths.data, cache: paths.cache, env });
    })();
    return this.#models;
  }
}
