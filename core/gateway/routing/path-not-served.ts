/** The error for a request to a path that no worker of its model serves: which do not, and what would. */

import type { HiveWorker } from '../../contract/api/hive-api.ts';
import { RbeeError } from '../../contract/errors.ts';
import { methodsOf, takesPath } from '../../contract/worker-type/served-path.ts';

interface Unserved {
  model: string;
  method: string;
  path: string;
  /** The workers of the model. */
  workers: readonly HiveWorker[];
  /** Those of other models that serve the path. */
  others: readonly HiveWorker[];
}

export const pathNotServed = ({ model, method, path, workers, others }: Unserved): RbeeError => {
  const serves = workers.flatMap((worker) => worker.serves);
  const known = [...new Set(serves.map((served) => `${methodsOf(served).join(', ')} ${served.path}`))].join(', ');
  return RbeeError.of('PATH_NOT_SERVED', {
    model,
    path: `${method} ${path}`,
    reason: `not a path of ${listed(workers.map(({ id, type, engine }) => `${id} (${type}, ${engine})`))}`,
    hint: [...remedies(path, workers, others), `it serves: ${known || 'nothing'}`].join('; '),
  });
};

const remedies = (path: string, workers: readonly HiveWorker[], others: readonly HiveWorker[]): string[] => {
  const hints = workers.flatMap(({ unserved = [] }) =>
    unserved.filter((one) => takesPath(one.path, path)).map(({ hint }) => hint.replace(/\.$/, '')),
  );
  const models = [...new Set(others.flatMap(({ names }) => names.slice(0, 1)))];
  return [...new Set(hints)].slice(0, 3).concat(models.length > 0 ? [`models that do: ${listed(models)}`] : []);
};

const listed = (items: readonly string[]): string =>
  items.slice(0, 3).join(', ') + (items.length > 3 ? ` and ${items.length - 3} more` : '');
