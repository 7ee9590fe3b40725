/** Models for machines that reach no source themselves: looked up and downloaded here, into the store of this machine's own hive. */
import { join } from 'node:path';
import { parseModelReference } from '../../contract/model-reference.ts';
import type { ModelOffer, ModelRequestOf } from '../../contract/models.ts';
import { defaultRetryPolicy } from '../../download/retry.ts';
import type { Call } from './call.ts';
import { Ensurer, type RemoteReference } from './ensure-model.ts';
import { GgufHeaders } from './gguf-headers.ts';
import type { Manifest } from './manifest.ts';
import { ModelStore, partFile } from './store.ts';

export interface ModelsForMachinesOptions {
  /** Alias of the hive of this machine, for errors. */
  hive: string;
  /** Its data and cache folders. */
  data: string;
  cache: string;
  env: NodeJS.ProcessEnv;
}

/** A model that is on offer to a machine. */
export interface Offered {
  offer: ModelOffer;
  /** Downloads those of its files as far as they are not here. Only of what is on offer. Errors: those of a download. */
  fetch(paths: readonly string[], call: Call): Promise<readonly OfferedFile[]>;
}

/** A file that is here, for a machine that lacks it. */
export interface OfferedFile {
  path: string;
  /** Absolute path here. */
  file: string;
  bytes: number | null;
  /** Where it goes on a machine with this data folder: its next download takes it in when it is what was offered. */
  placeBelow: (data: string) => string;
}

type Request = Pick<ModelRequestOf<'download'>, 'model' | 'update'>;

export class ModelsForMachines {
  readonly #store: ModelStore;
  readonly #ensurer: Ensurer;

  constructor(options: ModelsForMachinesOptions) {
    this.#store = new ModelStore(options.data);
    const headers = new GgufHeaders({ folder: join(options.cache, 'gguf-headers') });
    this.#ensurer = new Ensurer({ ...options, store: this.#store, retry: defaultRetryPolicy, headers });
  }

  /** Null for a model that has no source but its machine. Errors: those of a download. */
  async look({ model, update = false }: Request, call: Call): Promise<Offered | null> {
    const reference = parseModelReference(model);
    if (reference.kind === 'demo' || reference.kind === 'file') return null;
    const of = await this.#look(reference, update, call);
    // Git's own hash names a download on both sides; what it became here is not known there.
    const known = of.files.map((file) => ({ ...file, sha256: file.sha256 ?? (file.git === null ? file.blob : null) }));
    const names = await this.#ensurer.partNames(reference, { ...of, files: known });
    return {
      offer: { commit: of.commit, files: known.map(({ path, bytes, sha256, git }) => ({ path, bytes, sha256, git })) },
      fetch: async (paths, during) => {
        const { manifest } = await this.#ensurer.ensure(reference, { chosen: { of, paths } }, during);
        return manifest.files.flatMap(({ path, bytes, blob }) => {
          const name = names.get(path);
          if (blob === null || name === undefined || !paths.includes(path)) return [];
          return [{ path, bytes, file: this.#store.blob(blob), placeBelow: (data: string) => partFile(data, name) }];
        });
      },
    };
  }

  async #look(reference: RemoteReference, update: boolean, call: Call): Promise<Manifest> {
    if (reference.kind === 'hf') return this.#ensurer.look(reference, { update }, call);
    // What an address has is known only once it was fetched.
    return (await this.#ensurer.ensure(reference, { update }, call)).manifest;
  }
}
