/** `rbee status` */
import * as Flags from '@oclif/core/flags';
import { rbeeVersion } from '../../config/version.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { FleetStatus } from '../../contract/queen-api.ts';
import type { DriftView } from '../../contract/sync.ts';
import type { Terminal } from '../../narration/text.ts';
import type { QueenClient } from '../../queen/client/index.ts';
import { QueenCommand } from '../base.ts';
import { configFlag, configInput, sshFlags, sshInput } from '../machines/flags.ts';
import { exitCodeOf } from '../report.ts';
import { formatWholeDrift } from '../views/drift.ts';
import { formatFleet } from '../views/fleet.ts';
import { type Looked, watchData } from '../watch-data.ts';

/** With the whole difference in place of the short one, where it was asked for. */
type Answer = Omit<FleetStatus, 'drift'> & { drift?: FleetStatus['drift'] | DriftView };

export default class Status extends QueenCommand {
  static override summary = 'The fleet at a glance: queen, hives, devices, workers, models, and drift from hives.conf.';
  static override description =
    'By itself it tells what the queen knows. --verbose, --exit-code and --config have her look at the machines.';
  static override examples = [
    { description: 'What runs where', command: 'rbee status' },
    { description: 'All that differs from hives.conf', command: 'rbee status --verbose' },
    { description: 'In a script: ends with 2 when something differs', command: 'rbee status --exit-code' },
    { description: 'Go on as it changes', command: 'rbee status --watch' },
    { description: 'The same for programs', command: 'rbee status --json' },
  ];
  static override flags = {
    verbose: Flags.boolean({ char: 'v', description: 'The whole difference from hives.conf, looked at now' }),
    'exit-code': Flags.boolean({ description: 'End with 2 when a machine is not as hives.conf says' }),
    watch: Flags.boolean({
      char: 'w',
      description: 'Show it anew whenever it changes, until Ctrl-C',
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
      ...this.only({ config: configInput(flags.config, process.cwd()) }),
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
      const data = await queen.get<FleetStatus>('/v1/status', { signal });
      return { data, key: keyOf(data) };
    };
    const format = this.jsonEnabled()
      ? undefined
      : (fleet: FleetStatus, terminal: Terminal) => formatFleet(fleet, terminal, ours);
    await watchData(look, this.out, format);
    return undefined;
  }

  /** The answer stands; what is wrong with it is the last word. */
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

const fleetOf = (queen: QueenClient): Promise<FleetStatus> => queen.get<FleetStatus>('/v1/status');

const keyOf = ({ hives, workers, models, drift }: FleetStatus): string =>
  JSON.stringify([
    hives.map(({ alias, status }) => [alias, status]),
    workers.map(({ id, state }) => [id, state]),
    models,
    drift?.hives.map(({ alias, state, summary }) => [alias, state, summary]),
  ]);
