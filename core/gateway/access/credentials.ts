/** The API key that a request carries. */
import type { IncomingHttpHeaders } from 'node:http';

/** From `Authorization: Bearer`, `x-api-key` or `api-key`; undefined if there is none. */
export const presentedKey = (headers: IncomingHttpHeaders): string | undefined => {
  const { authorization } = headers;
  const bearer = authorization === undefined ? null : /^bearer +(\S+) *$/i.exec(authorization);
  return bearer?.[1] ?? single(headers['x-api-key']) ?? single(headers['api-key']);
};

const single = (value: string | string[] | undefined): string | undefined => {
  const text = Array.isArray(value) ? value[0] : value;
  return text === undefined || text === '' ? undefined : text.trim();
};
