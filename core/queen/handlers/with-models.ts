/** What needs models on a hive: where the hive cannot reach their source, the queen brings them. */
import { RbeeError } from '../../contract/errors.ts';
import type { ModelRequestOf } from '../../contract/models.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import type { JobContext } from '../jobs/jobs.ts';
import type { Parts } from './parts.ts';

export interface WantedModels {
  hive: string;
  /** As the hive would ask for each. */
  models: readonly ModelRequestOf<'download'>[];
}

/** Runs `work`; models that the hive cannot fetch for it are brought there, and it is run again. */
export const withModels = async <Result>(
  { machines }: Pick<Parts, 'machines'>,
  { hive, models }: WantedModels,
  context: JobContext,
  work: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await work();
  } catch (error) {
    const isCutOff = error instanceof RbeeError && error.code === 'MODEL_HUB_UNREACHABLE';
    if (!isCutOff || !machines?.has(hive)) throw error;
    for (const model of models) await machines.bringModel(hive, model, context);
    return work();
  }
};

/** The models of a worker that is to be started. */
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
