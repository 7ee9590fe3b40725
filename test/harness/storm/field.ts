/** Where a storm takes place: a home with its queen and local hive, and one machine over SSH, `pi`. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { connectQueen, type QueenClient } from '../../../core/queen/client/index.ts';
import { createFleet, type TestFleet } from '../fleet.ts';
import type { StormPlan } from './plan.ts';

/** Its engine has children, one of them in a session of its own. */
const broodPlugin = resolve(import.meta.dirname, '../../fixtures/worker-brood');
export const workerType = 'brood';

export interface Field {
  fleet: TestFleet;
  queen: QueenClient;
  /** Folders as the test sees them, by hive. */
  folders(hive: string): { state: string; data: string };
}

export const createField = async ({ mode }: Pick<StormPlan, 'mode'>): Promise<Field> => {
  const fleet = await createFleet({ hosts: ['pi'], plugins: [broodPlugin], queen: `mode = "${mode}"` });
  const { home, machines } = fleet;
  fleet.declare('[[hive]]\nalias = "pi"\n');
  const pi = machines.host('pi');
  const folders: Field['folders'] = (hive) => {
    if (hive === 'local') return { state: home.paths.state, data: home.paths.data };
    const states = pi.path('.local/state/rbee');
    // Named after the machine's id.
    const [own = ''] = existsSync(states) ? readdirSync(states) : [];
    return { state: join(states, own), data: pi.path('.local/share/rbee') };
  };
  return { fleet, queen: connectQueen({ socketPath: home.paths.queenSocket }), folders };
};
