/** JSON under another content type, as `curl -d` and simple HTTP libraries send it. */
import type { IncomingMessage } from 'node:http';
import { setHeader } from '../../http/raw-headers.ts';

const jsonType = 'application/json';

/** Types that are set on purpose. The others are the defaults of HTTP clients. */
const telling = /^(multipart|image|audio|video|font|model)\//;

/**
 * Whether to take the body as JSON although its content type says otherwise. A web page can send such a request without asking
 * first, and only browsers send `Origin` or `Sec-Fetch-Site`.
 */
export const mayBeJson = (
  { headers }: Pick<IncomingMessage, 'headers'>,
  type: string,
  accepted: readonly string[],
): boolean =>
  accepted.includes(jsonType) &&
  !telling.test(type) &&
  headers.origin === undefined &&
  headers['sec-fetch-site'] === undefined;

const charset = /;\s*charset="?(?!utf-?8\b)[\w:.-]+"?/i;

/** From now on the request says that it is JSON, to the parser and to the worker; a charset that it named still applies. */
export const declareJson = (request: IncomingMessage): void => {
  const [named = ''] = charset.exec(request.headers['content-type'] ?? '') ?? [];
  setHeader(request, 'content-type', jsonType + named);
};
