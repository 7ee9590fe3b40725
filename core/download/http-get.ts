/** A GET that follows redirects and sends credentials only to the origin they belong to. */
import type { HttpAgent, Incoming } from './http-agent.ts';
import { HttpFailure } from './http-failure.ts';

export interface GetOptions {
  agent: HttpAgent;
  headers: Readonly<Record<string, string>>;
  /** Additional headers for requests to one origin, such as a token. */
  headersFor?: HeadersFor;
  signal: AbortSignal;
}

export type HeadersFor = (origin: string) => Readonly<Record<string, string>>;

const maxRedirects = 10;

/** The answer after all redirects, whatever its status. Rejects with an HttpFailure, or with the signal's reason. */
export const httpGet = async (
  address: string,
  { agent, headers, headersFor = () => ({}), signal }: GetOptions,
): Promise<Incoming> => {
  let at = new URL(address);
  for (let redirects = 0; ; redirects++) {
    const { host } = at;
    const incoming = await agent.get(at, { ...headers, ...headersFor(at.origin) }, signal).catch((error: unknown) => {
      throw HttpFailure.of(error, host);
    });
    const location = incoming.headers['location'];
    if (![301, 302, 303, 307, 308].includes(incoming.status) || typeof location !== 'string') return incoming;
    incoming.body.on('error', () => {}).destroy();
    const refused = (problem: string) => new HttpFailure('answer', problem, { host, retryable: false });
    if (redirects >= maxRedirects) throw refused(`redirects more than ${maxRedirects} times`);
    const next = URL.parse(location, at);
    if (!next || !/^https?:$/.test(next.protocol)) throw refused(`redirects to "${plainUrl(location)}"`);
    if (at.protocol === 'https:' && next.protocol !== 'https:')
      throw refused(`redirects from https to ${plainUrl(next.href)}`);
    at = next;
  }
};

/** A URL for messages: without password and query, which may contain secrets. */
export const plainUrl = (url: string): string => {
  const parsed = URL.parse(url);
  return parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : url.slice(0, 200);
};
