/** Changes headers of a received request, in both forms that Node keeps. */
import type { IncomingMessage } from 'node:http';

type Headers = Pick<IncomingMessage, 'headers' | 'rawHeaders'>;

export const setHeader = (request: Headers, name: string, value: string): void => {
  removeHeader(request, name);
  request.headers[name] = value;
  request.rawHeaders.push(name, value);
};

/** `name` in lower case. */
export const removeHeader = ({ headers, rawHeaders }: Headers, name: string): void => {
  delete headers[name];
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2) {
    if (rawHeaders[at]?.toLowerCase() === name) rawHeaders.splice(at, 2);
  }
};
