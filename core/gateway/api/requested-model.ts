/** Which model a request is for: the one it names, or the only one that its path can mean. */
import { RbeeError } from '../../contract/errors.ts';
import { notFound } from '../../http/error-answers.ts';
import { pathOf } from '../../http/request-target.ts';
import type { Gateway } from '../gateway.ts';

export interface ModelRequest {
  method: 'GET' | 'POST';
  /** Path and query. */
  url: string;
  /** The model that it names. */
  named: string | undefined;
}

/** Throws NOT_FOUND, INVALID_INPUT. */
export const requestedModel = (gateway: Gateway, { method, url, named }: ModelRequest): string => {
  const path = pathOf(url);
  const { names } = gateway;
  const model = named ?? names.onlyModelOf(method, path);
  if (names.kindOf(path) === undefined && !gateway.isServable(path)) {
    // For a known model the answer is that it does not serve this path; otherwise the path does not exist.
    if (model === undefined || names.named(model).length === 0) throw notFound({ method, url });
  }
  if (model !== undefined && model !== '') return model;
  const hint = `served are: ${[...names.open()].map(([name]) => name).join(', ') || 'none'}`;
  throw RbeeError.of('INVALID_INPUT', { what: 'the request', problem: 'model is missing', hint });
};
