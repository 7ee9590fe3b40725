/** Models for machines without internet access: looked up and downloaded on this machine, into the store of its hive. */
import { join } from 'node:path';
import { parseModelReference } from '../../contract/model-reference.ts';
import type { ModelOffer, ModelRequestOf } from '../../contract/models.ts';
import { defaultRetryPolicy } from '../../download/retry.ts';
import type { Call } from './call.ts';
import { GgufHeaders } from './gguf/gguf-headers.ts';
import type { Manifest } from './manifest.ts';
import { ModelInstaller } from './model-installer.ts';
import type { RemoteReference } from './plan-model.ts';
import { ModelStore, partFile } from './store.ts';

export interface ModelsForMachinesOptions {
  /** Alias of the hive of this machine, for errors. */
  hive: string;
  /** Its data and cache folders. */
  data: string;
  cache: string;
  env: NodeJS.ProcessEnv;
}

/** A model offered to a machine. */
export interface Offered {
  offer: ModelOffer;
  /** Downloads those of its files that are missing on this machine. Errors: any from a download. */
  fetch(paths: readonly string[], call: Call): Promise<readonly OfferedFile[]>;
}

/** A file on this machine for a machine that lacks it. */
export interface OfferedFile {
  path: string;
  /** Absolute path on this machine. */
  file: string;
  bytes: number | null;
  /** Upload path on a machine with this data folder: its next download picks it up from there after a check. */
  placeBelow: (data: string) => string;
}

type Request = Pick<ModelRequestOf<'download'>, 'model' | 'update'>;

export class ModelsForMachines {
  readonly #store: ModelStore;
  readonly #installer: ModelInstaller;

  constructor(options: ModelsForMachinesOptions) {
    this.#store = new ModelStore(options.data);
    const headers = new GgufHeaders({ folder: join(options.cache, 'gguf-headers') });
    this.#installer = new ModelInstaller({ ...options, store: this.#store, retry: defaultRetryPolicy, headers });
  }

  /** Null for a model that exists only on its machine. Errors: any from a download. */
  async look({ model, update = false }: Request, call: Call): Promise<Offered | null> {
    const reference = parseModelReference(model);
    if (reference.kind === 'demo' || reference.kind === 'file') return null;
    const of = await this.#look(reference, update, call);
    // A small file has only a Git hash; its SHA-256 is known here, after the download.
    const known = of.files.map((file) => ({ ...file, sha256: file.sha256 ?? (file.git === null ? file.blob : null) }));
    const names = await this.#installer.partNames(reference, { ...of, files: known });
    return {
      offer: { commit: of.commit, files: known.map(({ path, bytes, sha256, git }) => ({ path, bytes, sha256, git })) },
      fetch: async (paths, during) => {
        const { manifest } = await this.#installer.ensure(reference, { chosen: { of, paths } }, during);
        return manifest.files.flatMap(({ path, bytes, blob }) => {
          const name = names.get(path);
          if (blob === null || name === undefined || !paths.includes(path)) return [];
          return [{ path, bytes, file: this.#store.blob(blob), placeBelow: (data: string) => partFile(data, name) }];
        });
      },
    };
  }

  async #look(reference: RemoteReference, update: boolean, call: Call): Promise<Manifest> {
    if (reference.kind === 'hf') return this.#installer.look(reference, { update }, call);
    // The size and checksum of a URL are known only after its download.
    return (await this.#installer.ensure(reference, { update }, call)).manifest;
  }
}
