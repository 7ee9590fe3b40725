/** Ids of requests. An id is in the answer, in log lines about the request, and is sent to the worker. */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export const requestIdHeader = 'x-request-id';

/** 1 to 128 visible ASCII characters: safe in headers and in the log. */
const acceptable = /^[!-~]{1,128}$/;

/** The client's own id if it is acceptable, otherwise a new one. For fastify's option `genReqId`. */
export const requestIdOf = ({ headers }: { headers: IncomingHttpHeaders }): string => {
  const given = headers[requestIdHeader];
  return typeof given === 'string' && acceptable.test(given) ? given : newRequestId();
};

let made = 0;
const prefix = randomBytes(6).toString('base64url');

/** Unique without a source of randomness for each request. */
export const newRequestId = (): string => {
  made += 1;
  return `req_${prefix}${made.toString(36)}`;
};
