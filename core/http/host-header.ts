/** The `Host` header, which HTTP/1.1 requires. */
import type { IncomingMessage } from 'node:http';
import { RbeeError } from '../contract/errors.ts';

export const hasHost = ({ headers, httpVersion }: Pick<IncomingMessage, 'headers' | 'httpVersion'>): boolean =>
  headers.host !== undefined || httpVersion !== '1.1';

export const withoutHost = (): RbeeError =>
  RbeeError.of('INVALID_INPUT', {
    what: 'the request',
    problem: 'it has no Host header',
    hint: 'send a Host header, which HTTP/1.1 requires',
  });
