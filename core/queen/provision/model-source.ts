/** Where the queen has models from that she brings to machines. What it takes is loaded with the first: most queens never do. */
import { localAlias } from '../../config/hive-entry.ts';
import type { Paths } from '../../config/paths.ts';
import type { ModelsForMachines } from '../../hive/models/for-machines.ts';

export class ModelSource {
  readonly #options: { paths: Paths; env: NodeJS.ProcessEnv };
  #models: Promise<ModelsForMachines> | undefined;

  constructor(options: { paths: Paths; env: NodeJS.ProcessEnv }) {
    this.#options = options;
  }

  open(): Promise<ModelsForMachines> {
    this.#models ??= (async () => {
      const { ModelsForMachines } = await import('../../hive/models/for-machines.ts');
      const { paths, env } = this.#options;
      return new ModelsForMachines({ hive: localAlias, data: paths.data, cache: paths.cache, env });
    })();
    return this.#models;
  }
}
