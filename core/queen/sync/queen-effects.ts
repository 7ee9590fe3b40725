/** Performs the steps of a sync, on this machine and on others. */
import { join } from 'node:path';
import { localAlias } from '../../config/hive-entry.ts';
import type { Paths } from '../../config/paths.ts';
import type { ObservedHive, SyncStep } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import { lease as leaseHere, release as releaseHere } from '../../ssh/agent/lease.ts';
import type { AgentClient } from '../../ssh/agent-client.ts';
import type { EffectCall, Lease, SyncEffects } from '../../sync/effects.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Bundles } from '../link/bundles.ts';
import type { MachineStore } from '../link/machine-store.ts';
import type { RemoteCall } from '../provision/machine.ts';
import type { Provision, ProvisionCall } from '../provision/provision.ts';
import { installHive } from '../supervise/install-hive.ts';
import type { LocalHive } from '../supervise/local-hive.ts';
import type { RemoteHive } from '../supervise/remote-hive.ts';
import type { RemoteHives } from '../supervise/remote-hives.ts';
import { uninstallHive } from '../supervise/uninstall-hive.ts';
import { type ChangeDeps, deleteWorker, startWorker } from '../workers/change.ts';
import { provideFor, spawnWorker } from '../workers/spawn.ts';
import { type LeaseOwner, takeLease } from './machine-lease.ts';
import { observeLocal, observeRemote } from './observe.ts';

export interface SyncEffectsOptions {
  fleet: Fleet;
  gateway: ChangeDeps['gateway'];
  provision: Provision;
  localHive: LocalHive;
  paths: Paths;
  hives: RemoteHives;
  bundles: Bundles;
  machineStore: MachineStore;
  /** Timeout in milliseconds for a new hive to answer. */
  healthMs: number;
  /** Distinguishes this sync from all others, including those of the same queen. */
  owner: LeaseOwner;
  /** The job; its questions go to the client that started it. */
  context: JobContext;
  /** SSH options of the caller. */
  access: { agent?: string; acceptNewHostKeys?: boolean };
  offline?: boolean;
  force?: boolean;
  /** Accept unknown publishers without asking. */
  yes?: boolean;
  /** The job only uninstalls. */
  removing?: boolean;
}

type StepOf<Kind extends SyncStep['kind']> = Extract<SyncStep, { kind: Kind }>;

export class QueenEffects implements SyncEffects {
  readonly #options: SyncEffectsOptions;
  /** Hives that this job has uninstalled. */
  readonly #removed = new Set<string>();

  constructor(options: SyncEffectsOptions) {
    this.#options = options;
  }

  observe(alias: string, call: EffectCall): Promise<ObservedHive> {
    const { hives, fleet, machineStore, removing } = this.#options;
    if (alias === localAlias) {
      return observeLocal(alias, fleet.member(alias).connection.client, call.signal);
    }
    return observeRemote(hives.must(alias), machineStore, { ...this.#call(call), removing });
  }

  async lease(alias: string, { takeOver, ...call }: EffectCall & { takeOver: boolean }): Promise<Lease> {
    const { owner, paths, hives, removing } = this.#options;
    const file = (state: string): string => join(state, 'sync.lease');
    if (alias === localAlias) {
      const keeper = { lease: leaseHere, release: releaseHere };
      return takeLease(keeper, { hive: alias, file: file(paths.state), owner, takeOver });
    }
    const hive = hives.must(alias);
    const remote = this.#call(call);
    // Renewing and releasing outlive the call that takes the lease.
    const later: RemoteCall = { ...remote, narrate: () => {}, signal: new AbortController().signal };
    const pathOf = async (agent: AgentClient | null) => agent?.hello.paths.state;
    // An uninstall must not install an agent.
    const state = await (removing ? hive.agents.useIfInstalled(remote, pathOf) : hive.withAgent(remote, pathOf));
    if (state === undefined) return { lost: new AbortController().signal, release: async () => this.#letGo(hive) };
    const keeper = {
      lease: (request: Parameters<typeof leaseHere>[0]) =>
        hive.withAgent(later, (agent) => agent.call('lease', [request])),
      release: (path: string, who: string) =>
        hive.agents.useIfInstalled(later, async (agent) => agent?.call('release', [path, who])),
    };
    const lease = await takeLease(keeper, { hive: alias, file: file(state), owner, takeOver, removing });
    const release = async () => {
      await lease.release();
      this.#letGo(hive);
    };
    return { lost: lease.lost, release };
  }

  /** Closes the agent of a machine that no longer has rbee. */
  #letGo(hive: RemoteHive): void {
    if (!this.#removed.has(hive.alias)) return;
    hive.agents.close();
    this.#options.hives.drop(hive.alias);
  }

  async perform(alias: string, step: SyncStep, call: EffectCall): Promise<void> {
    const { hives, machineStore, force } = this.#options;
    switch (step.kind) {
      case 'install_hive': {
        const app = await this.#options.bundles.app(call);
        const { healthMs } = this.#options;
        return installHive(hives.must(alias), { app, start: step.start, healthMs, force }, this.#call(call));
      }
      case 'start_hive':
        return this.#start(alias, call);
      case 'install_worker':
        return this.#installType(alias, step, call);
      case 'download_model':
        await this.#downloadModel(alias, step, call);
        return;
      case 'start_worker':
        return this.#startWorker(alias, step, call);
      case 'replace_worker':
        await this.#provideFor(alias, step, call);
        await this.#delete(alias, step.worker, call);
        return this.#startWorker(alias, step, call);
      case 'delete_worker':
        return this.#delete(alias, step.worker, call);
      case 'uninstall_worker':
        await this.#client(alias).plugins('uninstall', { plugin: step.package }, call);
        return;
      case 'uninstall_hive':
        await uninstallHive(
          hives.must(alias),
          { purge: step.purge, deleteWorker: ({ id }) => this.#delete(alias, id, call) },
          this.#call(call),
        );
        await machineStore.set(alias, null);
        this.#removed.add(alias);
        return;
    }
  }

  async #start(alias: string, call: EffectCall): Promise<void> {
    const { localHive, hives } = this.#options;
    if (alias === localAlias) await localHive.start(call);
    else await hives.must(alias).start(this.#call(call));
  }

  async #installType(
    alias: string,
    { package: name, version, variant }: StepOf<'install_worker'>,
    call: EffectCall,
  ): Promise<void> {
    const { provision, offline, force, yes } = this.#options;
    const plugin = `${name}@${version}`;
    const given = { ...(variant !== null && { variant }), ...(offline && { offline }) };
    const request = { plugin, ...given, ...(force && { force }), ...(yes && { yes }) };
    await provision.plugin(alias, request, this.#provisionCall(call));
  }

  async #downloadModel(alias: string, { model }: StepOf<'download_model'>, call: EffectCall): Promise<void> {
    await this.#options.provision.model(alias, { model }, this.#provisionCall(call));
  }

  /** Starts a stopped or failed worker again if its declaration is the same; otherwise replaces it. */
  async #startWorker(alias: string, step: StepOf<'start_worker' | 'replace_worker'>, call: EffectCall): Promise<void> {
    const { fleet } = this.#options;
    const member = fleet.member(alias);
    const there = member.workers.get(step.worker);
    const context = this.#context(call);
    if (there && there.declaration === step.spec.declaration) {
      try {
        await startWorker(this.#options, { worker: step.worker, hive: alias }, context);
        return;
      } catch (error) {
        // The hive lost this worker, and its heartbeat has not shown it yet.
        if (!isNoWorker(error)) throw error;
        member.forget(there);
      }
    } else if (there) await this.#delete(alias, step.worker, call);
    await spawnWorker(this.#options, { ...step.spec, hive: alias }, context);
  }

  /** Provides everything first, so that the running worker is stopped only once its replacement can start. */
  async #provideFor(alias: string, { spec: { id: _, ...spec } }: StepOf<'replace_worker'>, call: EffectCall) {
    await provideFor(this.#options, { ...spec, hive: alias }, this.#context(call));
  }

  async #delete(hive: string, worker: string, call: EffectCall): Promise<void> {
    try {
      await deleteWorker(this.#options, { worker, hive }, this.#context(call));
    } catch (error) {
      if (!isNoWorker(error)) throw error;
    }
  }

  #client(alias: string) {
    return this.#options.fleet.online(alias).connection.client;
  }

  #context(call: EffectCall): JobContext {
    return { ...this.#options.context, ...call };
  }

  #provisionCall(call: EffectCall): ProvisionCall {
    const { job, caller } = this.#options.context;
    return { ...this.#call(call), job, caller };
  }

  #call({ narrate, signal }: EffectCall): RemoteCall {
    const { access, context, offline } = this.#options;
    return { ...access, narrate, signal, offline, ask: context.ask };
  }
}

const isNoWorker = (error: unknown): boolean => error instanceof RbeeError && error.code === 'WORKER_NOT_FOUND';
