/** Ids of requests, sent by the gateway. An id is in the answer and in log lines about the request. */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export const requestIdHeader = 'x-request-id';

/** 1 to 128 visible ASCII characters: safe in headers and in the log. */
const acceptable = /^[!-~]{1,128}$/;

export const requestIdOf = ({ headers }: { headers: IncomingHttpHeaders }): string => {
  const given = headers[requestIdHeader];
  return typeof given === 'string' && acceptable.test(given) ? given : randomUUID();
};
