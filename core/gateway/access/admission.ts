/** Decides whether a request may be answered without a key: a pure function of its headers and its connection. */

import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { isLoopbackName, normalizedOrigin, originKind } from '../../config/origin.ts';
import { RbeeError } from '../../contract/errors.ts';

/** The settings of `[gateway]` that decide who may ask. */
export interface AccessRules {
  keys: 'auto' | 'always';
  allowedHosts: readonly string[];
  allowedOrigins: readonly string[];
  /** Names of this machine, which requests may use like an allowed host. */
  ownNames: readonly string[];
  /** A URL of the server, for error messages. */
  url: () => string;
}

export interface Arrival {
  headers: IncomingHttpHeaders;
  /** Address of the other end of the connection. */
  remoteAddress: string | undefined;
  /** Host and port of a target in absolute form, see `authorityOf`. */
  authority: string | undefined;
}

export type Admission =
  | { kind: 'refused'; error: RbeeError }
  /** A program on this machine: it needs no key, and may send requests to models. */
  | { kind: 'keyless' }
  /** `reason` completes the sentence "this request needs an API key: ...". */
  | { kind: 'needs key'; reason: string };

export const admit = (arrival: Arrival, rules: AccessRules): Admission => {
  const { headers, authority } = arrival;
  const { host, origin } = headers;
  const refuse = (header: string, value: string, hint: string): Admission => ({
    kind: 'refused',
    error: RbeeError.of('FORBIDDEN_ORIGIN', { header, value: value.slice(0, 200), hint }),
  });
  // Both are checked: a proxy may believe one, and what is behind it the other.
  for (const [header, name] of [
    ['Host', host],
    ['target', authority],
  ] as const) {
    if (name !== undefined && !isAllowedHost(name, rules)) return refuse(header, name, hostHint(rules, name));
  }
  if (origin !== undefined && !isAllowedOrigin(origin, rules)) return refuse('Origin', origin, originHint(origin));
  // Browsers leave Origin out of some requests (images, scripts, GET forms), but not Sec-Fetch-Site.
  const site = headers['sec-fetch-site'];
  if (origin === undefined && site !== undefined && site !== 'none' && site !== 'same-origin')
    return refuse('Sec-Fetch-Site', String(site), 'web pages may only use fetch, from an origin in allowed_origins');
  const reason = reasonForKey(arrival, rules);
  return reason === undefined ? { kind: 'keyless' } : { kind: 'needs key', reason };
};

const reasonForKey = (
  { headers, remoteAddress, authority }: Arrival,
  { keys, allowedHosts }: AccessRules,
): string | undefined => {
  const { host, origin } = headers;
  if (keys === 'always') return 'keys = "always" is set under [gateway]';
  if (!isLoopbackAddress(remoteAddress)) return 'it did not come over a loopback address';
  if ([host, authority].some((name) => name !== undefined && !isLoopbackName(nameOf(name))))
    return 'it uses a host name that other machines may use';
  if (forwardedHeaders.some((name) => headers[name] !== undefined)) return 'a proxy forwarded it';
  if (allowedHosts.some((name) => !isLoopbackName(name))) return 'allowed_hosts is set under [gateway]';
  if (origin !== undefined && originKind(origin) === 'web') return 'it comes from a web page of another site';
  return undefined;
};

/** Set by proxies. Some set none by default, so a proxy is also told by `allowed_hosts`. */
const forwardedHeaders = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-real-ip',
  'via',
];

/** `::ffff:127.0.0.1` is IPv4 on a socket for both. */
export const isLoopbackAddress = (address = ''): boolean => {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
};

/** Without its port. */
const nameOf = (host: string): string => host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();

const isAllowedHost = (host: string, rules: AccessRules): boolean => {
  if (!/^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:\d{0,5})?$/i.test(host)) return false;
  const name = nameOf(host);
  if (isLoopbackName(name)) return true;
  // A page can make its own name point to this machine, but not an address.
  const address = name.startsWith('[') ? name.slice(1, -1) : name;
  if (isIP(address) !== 0) return true;
  if (rules.ownNames.includes(name)) return true;
  return rules.allowedHosts.some((allowed) =>
    allowed.startsWith('*.') ? name.endsWith(allowed.slice(1)) : allowed === name || allowed === address,
  );
};

const isAllowedOrigin = (origin: string, { allowedOrigins }: AccessRules): boolean =>
  allowedOrigins.includes('*') || allowedOrigins.includes(normalizedOrigin(origin) ?? origin);

const hostHint = ({ url }: AccessRules, host: string): string =>
  `use ${url()}, or add allowed_hosts = ["${nameOf(host).slice(0, 80)}"] under [gateway] in rbee.conf`;

const originHint = (origin: string): string =>
  `to allow that page, add allowed_origins = ["${(normalizedOrigin(origin) ?? origin).slice(0, 80)}"] under [gateway] in rbee.conf`;
