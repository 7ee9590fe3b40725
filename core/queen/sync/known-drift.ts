/**
 * How the fleet differs from hives.conf, as far as heartbeats show. Contacts no machine. Ignores models, because
 * heartbeats do not list them.
 */
import { localAlias } from '../../config/hive-entry.ts';
import type { HivesConf } from '../../config/hives-conf.ts';
import type { DesiredHive, FleetDrift, HiveDrift, ObservedHive } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import { driftOfHive, driftOfHives } from '../../sync/drift.ts';
import { absentHive, onlineHive, stoppedHive, unreachableHive } from '../../sync/observed.ts';
import { planHive } from '../../sync/plan.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Member } from '../fleet/member.ts';
import type { MachineStore, StoredMachine } from '../link/machine-store.ts';

export interface KnownDriftOptions {
  fleet: Fleet;
  machineStore: MachineStore;
  /** Resolves the file without a network. */
  resolve: (conf: HivesConf, signal: AbortSignal) => Promise<readonly DesiredHive[]>;
  log: (problem: unknown) => void;
}

interface Declared {
  conf: HivesConf;
  desired: ReadonlyMap<string, DesiredHive>;
}

/** Drift of one hive, cached until one of its inputs changes. */
interface Kept {
  from: readonly unknown[];
  drift: HiveDrift;
}

export class KnownDrift {
  readonly #options: KnownDriftOptions;
  #declared: Declared | undefined;
  #resolving: AbortController | undefined;
  #kept = new Map<string, Kept>();

  constructor(options: KnownDriftOptions) {
    this.#options = options;
  }

  /**
   * Call this when the file or rbee.lock changed; null means no file. The previous result stays until the new file is
   * resolved.
   */
  follow(conf: HivesConf | null): void {
    this.#resolving?.abort();
    if (!conf) {
      this.#declared = undefined;
      return;
    }
    const resolving = new AbortController();
    this.#resolving = resolving;
    this.#options.resolve(conf, resolving.signal).then(
      (desired) => {
        if (!resolving.signal.aborted) this.learn(conf, desired);
      },
      (error) => {
        if (!resolving.signal.aborted) this.#options.log(error);
      },
    );
  }

  /** Takes over what a sync has resolved from the whole file. */
  learn(conf: HivesConf, desired: readonly DesiredHive[]): void {
    this.#resolving?.abort();
    this.#declared = { conf, desired: new Map(desired.map((hive) => [hive.alias, hive])) };
  }

  /** Undefined without a file, or before the file is resolved. */
  view(): FleetDrift | undefined {
    if (!this.#declared) return undefined;
    const { conf, desired } = this.#declared;
    const names = new Map(conf.hives.map(({ alias, hostname }) => [alias, hostname]));
    for (const [alias, { target }] of this.#options.machineStore.entries()) {
      if (!names.has(alias)) names.set(alias, target.hostname);
    }
    const drifts = [...names].map(([alias, hostname]) => this.#driftOf(alias, hostname, desired.get(alias) ?? null));
    this.#kept = new Map(drifts.map((one) => [one.drift.alias, one]));
    const { config, inSync, counts, at, hives } = driftOfHives(
      conf.file,
      drifts.map(({ drift }) => drift),
    );
    return { config, inSync, counts, at, hives: hives.map(({ plan: _, ...short }) => short) };
  }

  close(): void {
    this.#resolving?.abort();
  }

  #driftOf(alias: string, hostname: string, desired: DesiredHive | null): Kept {
    const { fleet, machineStore } = this.#options;
    const member = fleet.find(alias);
    const known = machineStore.get(alias);
    const from = [desired, known, member?.status, member?.reason, member?.state];
    const kept = this.#kept.get(alias);
    if (kept?.from.every((one, index) => one === from[index])) return kept;
    const observed = observedOf({ alias, hostname }, member, known);
    const wanted = desired && { ...desired, models: [] };
    return { from, drift: driftOfHive(planHive({ desired: wanted, observed }), desired !== null) };
  }
}

const observedOf = (
  machine: { alias: string; hostname: string },
  member: Member | undefined,
  known: StoredMachine | undefined,
): ObservedHive => {
  const { alias } = machine;
  const isLocal = alias === localAlias;
  const platform = known?.platform ?? null;
  if (!isLocal && !known) return absentHive(machine);
  if (member?.status === 'online' && member.state) {
    const { state } = member;
    return onlineHive(machine, { version: isLocal ? null : (state.build ?? null), platform, state, models: [] });
  }
  if (known && member?.status === 'stopped') return stoppedHive(machine, { version: known.installed, platform });
  const problem = member?.reason ?? 'no heartbeat yet';
  return unreachableHive(machine, RbeeError.of('HIVE_UNREACHABLE', { hive: alias, problem }).toJSON());
};
