/** `rbee status` */
import type { FleetStatus } from '../../contract/queen-api.ts';
import { QueenCommand } from '../base.ts';
import { formatFleet } from '../views/fleet.ts';

export default class Status extends QueenCommand {
  static override summary = 'The fleet at a glance: queen, hives, devices, workers, models.';
  static override examples = [
    { description: 'What runs where', command: 'rbee status' },
    { description: 'The same for programs', command: 'rbee status --json' },
  ];

  async run(): Promise<FleetStatus> {
    const { flags } = await this.parse(Status);
    const fleet = await (await this.queen(flags)).get<FleetStatus>('/v1/status');
    this.print(formatFleet(fleet, this.out.terminal));
    return fleet;
  }
}
