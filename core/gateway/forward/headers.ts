/** Which headers are passed on: all but those that concern a single connection. */

import { requestIdHeader } from '../../http/request-id.ts';

/** RFC 9110, section 7.6.1. */
const ofOneConnection = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
/**
 * Keys of clients are for the gateway alone. `origin` was checked before the request got here, so a worker must not check
 * it again.
 */
const notToWorker = new Set([
  ...ofOneConnection,
  'host',
  'content-length',
  'expect',
  'authorization',
  'x-api-key',
  'api-key',
  'origin',
  requestIdHeader,
]);
/** The gateway's request id replaces the worker's. */
const notToClient = new Set([...ofOneConnection, requestIdHeader]);

export interface ToWorker {
  /** Replaces any other authorization. */
  apiKey: string;
  /** Ask for an answer that is not compressed. */
  isRead?: boolean;
  requestId?: string | undefined;
}

/** From and to a flat list of names and values. */
export const headersToWorker = (raw: readonly string[], { apiKey, isRead, requestId }: ToWorker): string[] => {
  const named = namedByConnection(raw);
  const passed: string[] = [];
  let isTyped = false;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    if (notToWorker.has(name) || named?.has(name)) continue;
    if (isRead && name === 'accept-encoding') continue;
    if (name === 'content-type') {
      // The model was found by the first content type, so the worker must not see another one.
      if (isTyped) continue;
      isTyped = true;
    }
    passed.push(name, raw[at + 1]!);
  }
  if (apiKey !== '') passed.push('authorization', `Bearer ${apiKey}`);
  if (requestId !== undefined) passed.push(requestIdHeader, requestId);
  return passed;
};

export type ResponseHeaders = Record<string, string | string[] | undefined>;

/** The worker's headers that are passed on to the client. */
export const headersToClient = (headers: ResponseHeaders): ResponseHeaders => {
  const named = typeof headers['connection'] === 'string' ? tokens(headers['connection']) : undefined;
  const passed: ResponseHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    // Which web pages may read an answer is decided by the gateway, not by the worker.
    if (notToClient.has(name) || named?.has(name) || name.startsWith('access-control-')) continue;
    passed[name] = value;
  }
  return passed;
};

const namedByConnection = (raw: readonly string[]): Set<string> | undefined => {
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]!.toLowerCase() === 'connection') return tokens(raw[at + 1]!);
  }
  return undefined;
};

const tokens = (value: string): Set<string> => new Set(value.toLowerCase().split(/[\s,]+/));
