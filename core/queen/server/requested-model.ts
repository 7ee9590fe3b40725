/** Which model a request is for: the one that it names, or the only one that its path can mean. */
import { RbeeError } from '../../contract/errors.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { takesPath } from '../gateway/served-path.ts';
import { notFound, pathOf } from './errors.ts';

export interface Asked {
  method: 'GET' | 'POST';
  /** Path and query. */
  url: string;
  /** The model that it names. */
  named: string | undefined;
}

/** Throws NOT_FOUND, INVALID_INPUT. */
export const requestedModel = (
  { fleet, gateway }: { fleet: Fleet; gateway: Gateway },
  { method, url, named }: Asked,
): string => {
  const path = pathOf(url);
  const model = named ?? gateway.names.onlyModelOf(method, path);
  const isServable = () => fleet.catalog().some(({ serves }) => serves.some((declared) => takesPath(declared, path)));
  if (gateway.names.kindOf(path) === undefined && !isServable()) {
    // A known model that does not serve this path says so; anything else is just no path.
    if (model === undefined || gateway.names.named(model).length === 0) throw notFound({ method, url });
  }
  if (model !== undefined && model !== '') return model;
  const hint = `served are: ${[...gateway.names.open()].map(([name]) => name).join(', ') || 'none'}`;
  throw RbeeError.of('INVALID_INPUT', { what: 'the request', problem: 'model is missing', hint });
};
