/** A queen and machines over SSH for one test file. What gets uploaded to machines is built once for all files. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createHome, type HomeOptions, type TestHome } from './home.ts';
import { createMachines, type Machines, type MachinesOptions } from './machines.ts';

const root = resolve(import.meta.dirname, '../..');
/** A worker type for machines without anything from this repository. */
export const tickerPlugin = join(root, 'test/fixtures/worker-ticker');

export interface TestFleet {
  home: TestHome;
  machines: Machines;
  /** Replaces hives.conf. */
  declare(text: string): void;
  close(): Promise<void>;
}

export interface FleetOptions extends MachinesOptions, HomeOptions {}

export const createFleet = async ({
  queen,
  plugins = [tickerPlugin],
  ...options
}: FleetOptions): Promise<TestFleet> => {
  const machines = await createMachines(options);
  const home = createHome({ queen, plugins });
  Object.assign(home.env, machines.client.env);
  const cache = join(root, 'node_modules/.cache/rbee-machines');
  mkdirSync(cache, { recursive: true });
  rmSync(home.paths.cache, { recursive: true, force: true });
  symlinkSync(cache, home.paths.cache);
  return {
    home,
    machines,
    declare: (text) => writeFileSync(join(home.paths.config, 'hives.conf'), text),
    close: async () => {
      await home.close();
      await machines.close();
    },
  };
};
