/** Loads and unloads models by name, by spawning and stopping workers. */
import { RbeeError } from '../../contract/errors.ts';
import { didYouMean } from '../../narration/near.ts';
import { workerName } from '../fleet/worker-key.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { type StopInput, sleepWorker, stopWorker } from '../workers/change.ts';
import type { Handler, QueenServices } from './services.ts';
import type { Serving } from './serving.ts';

export const loadModel =
  (serving: Serving): Handler<'model_load'> =>
  (input, context) =>
    serving.ensure(input, context);

export const unloadModel = (services: QueenServices): Handler<'model_unload'> => {
  const stop = (input: StopInput, context: JobContext) => stopWorker(services, input, context);
  const sleepOrStop: typeof stop = (input, context) =>
    sleepWorker(services, input, context).catch((error) => {
      if (error instanceof RbeeError && error.code === 'WORKER_CANNOT_SLEEP') return stop(input, context);
      throw error;
    });
  return async ({ model, now, sleep = false }, context) => {
    const end = sleep ? sleepOrStop : stop;
    const { names } = services.gateway;
    const workers = names.named(model).map(({ key }) => workerName(key));
    if (workers.length === 0) {
      const hint = 'see: rbee worker list';
      throw RbeeError.of('MODEL_NOT_FOUND', { model, near: didYouMean(model, names.all()), hint });
    }
    return { workers: await Promise.all(workers.map((worker) => end({ ...worker, now }, context))) };
  };
};
