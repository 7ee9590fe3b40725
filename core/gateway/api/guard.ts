/** Finds out who sent a request, and refuses it before its body is read if it may not be answered. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RbeeError } from '../../contract/errors.ts';
import { authorityOf, pathOf } from '../../http/request-target.ts';
import { type AccessRules, admit } from '../access/admission.ts';
import { type Caller, localProgram, owner } from '../access/caller.ts';
import { presentedKey } from '../access/credentials.ts';
import { KeyRing } from '../access/key-ring.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null on an open path, for a request that needs a key and has none. */
    caller: Caller | null;
  }
}

export interface GuardParts {
  rules: AccessRules;
  keys: KeyRing;
}

/** Sets `request.caller`. Without `parts`, every request is the owner's. */
export const guard = (app: FastifyInstance, parts?: GuardParts): void => {
  app.decorateRequest('caller', null);
  app.addHook('onRequest', async (request, reply) => {
    if (!parts) {
      request.caller = owner;
      return undefined;
    }
    const { origin } = request.headers;
    const admission = admissionOf(request, parts);
    if (admission.kind === 'refused') throw admission.error;
    // Also on errors, so that the page can show why.
    if (origin !== undefined) allowOrigin(origin, reply);
    if (origin !== undefined && request.method === 'OPTIONS') return answerPreflight(request, reply);
    request.caller = callerOf(request, parts, admission, isOpen(request));
    trackByKey(request.caller, request.raw, reply.raw, parts);
    return undefined;
  });
};

type Guarded = Pick<IncomingMessage, 'headers' | 'socket' | 'url'> & {
  /** As it was sent, before `originForm`. */
  originalUrl?: string;
};

/** For a WebSocket. Throws FORBIDDEN_ORIGIN, KEY_REQUIRED, KEY_INVALID. */
export const callerOfUpgrade = (request: IncomingMessage, parts: GuardParts | undefined): Caller => {
  if (!parts) return owner;
  const admission = admissionOf(request, parts);
  if (admission.kind === 'refused') throw admission.error;
  return callerOf(request, parts, admission, false) as Caller;
};

const admissionOf = ({ headers, socket, url, originalUrl = url }: Guarded, { rules }: GuardParts) => {
  const { remoteAddress } = socket;
  return admit({ headers, remoteAddress, authority: authorityOf(originalUrl) }, rules);
};

const callerOf = (
  { headers, socket }: Guarded,
  { keys }: GuardParts,
  admission: Exclude<ReturnType<typeof admit>, { kind: 'refused' }>,
  isOpenPath: boolean,
): Caller | null => {
  const from = socket.remoteAddress ?? 'unknown';
  const presented = presentedKey(headers);
  const isKeyless = admission.kind === 'keyless';
  // Many clients always send a key. Where none is needed, only a key in rbee's format is checked.
  if (presented === undefined || (isKeyless && !KeyRing.isKey(presented))) {
    if (isKeyless) return localProgram(from);
    if (isOpenPath) return null;
    throw RbeeError.of('KEY_REQUIRED', { reason: admission.reason, scope: 'infer' });
  }
  const found = keys.find(presented);
  if ('key' in found) return { scope: found.key.scope, name: `key ${found.key.name}`, from, key: found.key };
  if (isOpenPath) return null;
  throw RbeeError.of('KEY_INVALID', { problem: found.problem });
};

/** Say nothing but that the server runs, so load balancers need no key. */
const isOpen = ({ url, method }: FastifyRequest): boolean =>
  (method === 'GET' || method === 'HEAD') && /^\/(health)?$/.test(pathOf(url));

/** A key that is revoked or expires also ends the requests that it has begun. */
const trackByKey = (
  caller: Caller | null,
  request: IncomingMessage,
  response: ServerResponse,
  { keys }: GuardParts,
): void => {
  if (!caller?.key || response.closed) return;
  const untrack = keys.whenEnded(caller.key, () => request.socket.destroy());
  response.once('close', untrack);
};

/** Sets the headers that let a page of an allowed origin read the answer. */
const allowOrigin = (origin: string, reply: FastifyReply): void => {
  reply.header('access-control-allow-origin', origin).header('vary', 'Origin');
  reply.header('access-control-expose-headers', exposed);
};

const exposed = [
  'x-rbee-worker',
  'x-request-id',
  'retry-after',
  'x-ratelimit-limit-requests',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-reset-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-tokens',
].join(', ');

/** Browsers send no key with a preflight request. */
const answerPreflight = (request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  reply
    .code(204)
    .header('access-control-allow-methods', 'GET, POST, PUT, DELETE')
    .header(
      'access-control-allow-headers',
      request.headers['access-control-request-headers'] ?? 'content-type, authorization',
    )
    .header('access-control-allow-private-network', 'true')
    .header('access-control-max-age', '600')
    .send();
