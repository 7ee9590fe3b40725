/** Which model a request is for: the one it names, or the only one that its path can mean. */
import { RbeeError } from '../../contract/errors.ts';
import { notFound } from '../../http/error-answers.ts';
import { pathOf } from '../../http/request-target.ts';
import type { Grant } from '../access/caller.ts';
import type { Gateway } from '../gateway.ts';
import type { Names } from '../routing/choice.ts';

export interface ModelRequest {
  method: string;
  /** Path and query. */
  url: string;
  /** The model that it names. */
  named: string | undefined;
  /** What the caller may use; absent for everything. */
  grant?: Grant | undefined;
}

export interface RequestedModel {
  model: string;
  /** Key of the worker that made an id in the path: no other can answer. */
  only?: string;
}

/** Throws NOT_FOUND, INVALID_INPUT, ID_NOT_FOUND. */
export const requestedModel = (gateway: Gateway, { method, url, named, grant }: ModelRequest): RequestedModel => {
  const path = pathOf(url);
  const names = gateway.namesFor(grant);
  const [id] = names.idsIn(path);
  if (id !== undefined) {
    const maker = gateway.makerOf(path, names) ?? onlyOne(names, { method, path, named, id });
    if (maker) return { model: maker.worker.names[0] ?? '', only: maker.key };
  }
  const model = named ?? names.onlyModelOf(method, path);
  if (!gateway.isServed(path) && !gateway.isInstalled(path)) {
    // For a known model the answer is that it does not serve this path. Otherwise the path does not exist, also where a
    // pattern of an installed type would take it: `/api/*` says nothing about `/api/tags` while no such worker runs.
    if (model === undefined || names.named(model).length === 0) throw notFound({ method, url });
  }
  if (model !== undefined && model !== '') return { model };
  const hint = `served are: ${[...names.requestable()].map(([name]) => name).join(', ') || 'none'}`;
  throw RbeeError.of('INVALID_INPUT', { what: 'the request', problem: 'model is missing', hint }, { param: 'model' });
};

/** Wherever the id came from, it can only be this worker; undefined if nothing serves the path. */
const onlyOne = (
  names: Names,
  { method, path, named, id }: { method: string; path: string; named: string | undefined; id: string },
) => {
  const serving = names.serving(method, path, named);
  if (serving.length <= 1) return serving[0];
  throw RbeeError.of('ID_NOT_FOUND', { id: id.slice(id.indexOf(':') + 1, 200), count: serving.length, path });
};
