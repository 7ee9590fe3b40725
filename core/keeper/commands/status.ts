/** `rbee status` */
import * as Flags from '@oclif/core/flags';
import { rbeeVersion } from '../../config/version.ts';
import type { FleetStatus } from '../../contract/api/queen-api.ts';
import type { DriftView } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { Terminal } from '../../narration/text.ts';
import { isRemote } from '../../queen/client/address.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { QueenCommand } from '../base.ts';
import { configFlag, configInput, sshFlags, sshInput } from '../machines/flags.ts';
import { exitCodeOf } from '../terminal/report.ts';
import { formatWholeDrift } from '../views/drift.ts';
import { formatFleet } from '../views/fleet.ts';
import { type Looked, watchData } from '../watch-data.ts';

/** With the full differences instead of the summary, if requested. */
type Answer = Omit<FleetStatus, 'drift'> & { drift?: FleetStatus['drift'] | DriftView };

export default class Status extends QueenCommand {
  static override summary =
    'Show the fleet at a glance: queen, hives, devices, workers, models, and drift from hives.conf.';
  static override description =
    'Shows what the queen knows. With --verbose, --exit-code or --config, the queen checks the machines first.';
  static override examples = [
    { description: 'What runs where', command: 'rbee status' },
    { description: 'All differences from hives.conf', command: 'rbee status --verbose' },
    { description: 'In a script: exit code 2 if something differs', command: 'rbee status --exit-code' },
    { description: 'Keep watching', command: 'rbee status --watch' },
    { description: 'The same for programs', command: 'rbee status --json' },
  ];
  static override flags = {
    verbose: Flags.boolean({
      char: 'v',
      description: 'Check the machines now, and show all differences from hives.conf',
    }),
    'exit-code': Flags.boolean({ description: 'Exit with code 2 if a machine differs from hives.conf' }),
    watch: Flags.boolean({
      char: 'w',
      description: 'Refresh on every change, until Ctrl-C',
      exclusive: ['verbose', 'exit-code', 'config'],
    }),
    ...configFlag,
    ...sshFlags,
  };

  async run(): Promise<Answer | undefined> {
    const { flags } = await this.parse(Status);
    const queen = await this.queen(flags);
    if (flags.watch) return this.#watch(queen);
    const looks = flags.verbose || flags['exit-code'] || flags.config !== undefined;
    if (!looks) return this.#show(await fleetOf(queen));
    const input = {
      ...this.only({ config: configInput(flags.config, this.folder) }),
      ...sshInput(flags, this.env),
    };
    const drift = await this.runJob(queen, 'package_status', input);
    const { drift: _, ...fleet } = await fleetOf(queen);
    if (!flags.verbose) this.#show(drift.declared ? { ...fleet, drift } : fleet);
    else {
      this.#show(fleet);
      this.print(drift, (whole, terminal) => `\n${formatWholeDrift(whole, terminal)}`);
    }
    if (flags['exit-code'] && !drift.inSync) this.#drifted(drift);
    return { ...fleet, drift };
  }

  #show(fleet: FleetStatus): FleetStatus {
    this.print(fleet, (shown, terminal) => formatFleet(shown, terminal, rbeeVersion()));
    return fleet;
  }

  async #watch(queen: QueenClient): Promise<undefined> {
    const ours = rbeeVersion();
    const look = async (signal: AbortSignal): Promise<Looked<FleetStatus>> => {
      const data = await fleetOf(queen, { signal });
      return { data, key: keyOf(data) };
    };
    const format = this.jsonEnabled()
      ? undefined
      : (fleet: FleetStatus, terminal: Terminal) => formatFleet(fleet, terminal, ours);
    await watchData(look, this.out, format);
    return undefined;
  }

  /** Prints the answer first, then the problem. */
  #drifted({ config, counts, hives }: DriftView): void {
    const others = hives
      .filter(({ state }) => state === 'drifted' || state === 'unreachable')
      .map(({ alias }) => alias);
    const about = { count: others.length, total: counts.hives, file: config, hives: others.join(', ') };
    const error = RbeeError.of('SYNC_DRIFT', about);
    if (!this.interrupted) process.exitCode = exitCodeOf(error);
    this.complain(error);
  }
}

/** Names a queen elsewhere by the address that was asked: its own list begins with one for its machine. */
const fleetOf = async (queen: QueenClient, options?: { signal?: AbortSignal }): Promise<FleetStatus> => {
  const fleet = await queen.get<FleetStatus>('/v1/status', options);
  return isRemote(queen.address) ? { ...fleet, queen: { ...fleet.queen, url: queen.address.url } } : fleet;
};

const keyOf = ({ hives, workers, models, drift }: FleetStatus): string =>
  JSON.stringify([
    hives.map(({ alias, status }) => [alias, status]),
    workers.map(({ id, state }) => [id, state]),
    models,
    drift?.hives.map(({ alias, state, summary }) => [alias, state, summary]),
  ]);
