/** The error for a request to a path that no worker of its model serves: which do not, and what would. */
import { RbeeError } from '../../contract/errors.ts';
import type { Candidate, Names, Wanted } from './choice.ts';
import { methodsOf, takesPath } from './served-path.ts';

export const pathNotServed = (
  { model, method, path }: Wanted,
  named: readonly Candidate[],
  names: Pick<Names, 'serving'>,
): RbeeError => {
  const workers = named.map(({ worker: { id, type, engine } }) => `${id} (${type}, ${engine})`);
  const serves = named.flatMap(({ worker }) => worker.serves);
  const known = [...new Set(serves.map((served) => `${methodsOf(served).join(', ')} ${served.path}`))].join(', ');
  return RbeeError.of('PATH_NOT_SERVED', {
    model,
    path: `${method} ${path}`,
    reason: `not a path of ${listed(workers)}`,
    hint: [...remedies(path, named, names.serving(method, path)), `it serves: ${known || 'nothing'}`].join('; '),
  });
};

const remedies = (path: string, named: readonly Candidate[], serving: readonly Candidate[]): string[] => {
  const hints = named.flatMap(({ worker: { unserved = [] } }) =>
    unserved.filter((one) => takesPath(one.path, path)).map(({ hint }) => hint.replace(/\.$/, '')),
  );
  const models = [...new Set(serving.flatMap(({ worker }) => worker.names.slice(0, 1)))];
  const others = models.length > 0 ? [`models that do: ${listed(models)}`] : [];
  return [...new Set(hints)].slice(0, 3).concat(others);
};

const listed = (items: readonly string[]): string =>
  items.slice(0, 3).join(', ') + (items.length > 3 ? ` and ${items.length - 3} more` : '');
