/** Brings to a hive what it lacks for a piece of work: plugins and models, through the hive itself or from the queen. */
import { localAlias } from '../../config/hive-entry.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { ModelRequestOf } from '../../contract/models.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import { wantedDelivery } from '../../registry/install/wanted-delivery.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { bringModel } from './bring-model.ts';
import { confirmPublisher } from './confirm-publisher.ts';
import type { BringRequest, PluginDelivery, ResolveCall } from './delivery.ts';
import type { Machine, RemoteCall } from './machine.ts';
import type { ModelSource } from './model-source.ts';

/** What the queen can bring to other machines, and which these are. */
export interface Remote {
  get(hive: string): Machine | undefined;
  delivery: PluginDelivery;
  models: ModelSource;
}

export interface ProvisionOptions {
  fleet: Pick<Fleet, 'online'>;
  /** Absent in a queen without other machines. */
  remote?: Remote;
}

/** On whose behalf something is brought. */
export interface ProvisionCall extends RemoteCall {
  job?: string;
}

export class Provision {
  readonly #options: ProvisionOptions;

  constructor(options: ProvisionOptions) {
    this.#options = options;
  }

  /** Is this hive on a machine that gets its plugins from the queen? */
  isRemote(hive: string): boolean {
    return this.#options.remote?.get(hive) !== undefined;
  }

  /** Brings a plugin to a hive over SSH, built here for its machine. Errors: what fetching, building and its hive say. */
  bring(hive: string, request: BringRequest, call: ProvisionCall): Promise<{ name: string }> {
    const { machine, delivery } = this.#remote(hive);
    return delivery.bring(machine, request, call);
  }

  /** Brings what a hive lacks of a model to where its next download finds it. */
  bringModel(hive: string, request: ModelRequestOf<'download'>, call: ProvisionCall): Promise<void> {
    const { machine, models } = this.#remote(hive);
    return bringModel(machine, request, models, call);
  }

  /** The version that a plugin would be brought in. */
  resolve(plugin: string, call: ResolveCall): Promise<{ version: string }> {
    return this.#delivery().resolve(plugin, undefined, call);
  }

  /** Does the queen's machine have this package, or a version of it in rbee.lock? */
  knows(plugin: string): Promise<boolean> {
    return this.#delivery().knows(plugin);
  }

  /**
   * Runs `work`. What the hive lacks for it is installed first, on another machine by the queen: the hive only hints at
   * what it lacks, and `type`, this machine's plugins and rbee.lock decide what is brought.
   */
  async withPlugins<Result>(
    { hive, type }: { hive: string; type: string },
    call: ProvisionCall,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const remote = this.isRemote(hive);
    // The type first, then the variant that its device needs.
    for (let times = 0; ; times += 1) {
      try {
        return await work();
      } catch (error) {
        if (times >= (remote ? 2 : 1)) throw error;
        if (remote) {
          const wanted = wantedDelivery(error);
          if (!wanted) throw error;
          await this.bring(hive, { ...wanted, type }, call);
        } else {
          const accepted = await confirmPublisher(error, call.ask);
          await this.#options.fleet.online(hive).connection.client.plugins('install', { plugin: type, accepted }, call);
        }
      }
    }
  }

  /** Runs `work`; models that the hive cannot fetch for it are brought there, and it is run again. */
  async withModels<Result>(
    { hive, models }: { hive: string; models: readonly ModelRequestOf<'download'>[] },
    call: ProvisionCall,
    work: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      const isCutOff = error instanceof RbeeError && error.code === 'MODEL_HUB_UNREACHABLE';
      if (!isCutOff || !this.isRemote(hive)) throw error;
      for (const model of models) await this.bringModel(hive, model, call);
      return work();
    }
  }

  #remote(hive: string): Remote & { machine: Machine } {
    const { remote } = this.#options;
    const machine = remote?.get(hive);
    if (remote && machine) return { ...remote, machine };
    throw RbeeError.of('HIVE_NOT_FOUND', { hive, known: localAlias });
  }

  #delivery(): PluginDelivery {
    const { remote } = this.#options;
    if (!remote) throw RbeeError.of('MACHINES_UNAVAILABLE', {});
    return remote.delivery;
  }
}

/** The models of a worker that is to be started, as the hive would ask for each. */
export const modelsOfSpec = ({
  type,
  model,
  options,
  components = {},
}: Pick<WorkerSpec, 'type' | 'model' | 'options' | 'components'>): ModelRequestOf<'download'>[] => {
  const about = { type, ...(options && { options }) };
  const parts = Object.entries(components).map(([component, part]) => ({ ...about, model: part, component }));
  return model === undefined ? parts : [{ ...about, model }, ...parts];
};
