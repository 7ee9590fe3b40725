/** A GET to its end: redirects followed, credentials kept to the server that they are for, failures told as trouble. */
import type { HttpAgent, Incoming } from '../../programs/http-agent.ts';
import { plainUrl, retryAfterMs } from '../../programs/http-answers.ts';
import { Trouble } from './trouble.ts';

export interface GetOptions {
  agent: HttpAgent;
  headers: Readonly<Record<string, string>>;
  /** More headers for requests to one origin, such as a token. */
  headersFor: (origin: string) => Readonly<Record<string, string>>;
  signal: AbortSignal;
}

const mostRedirects = 10;

/** The answer at the end of the redirects, whatever its status. Rejects with Trouble, or the signal's reason. */
export const get = async (address: string, { agent, headers, headersFor, signal }: GetOptions): Promise<Incoming> => {
  let at = new URL(address);
  for (let hops = 0; ; hops++) {
    const { host } = at;
    const incoming = await agent.get(at, { ...headers, ...headersFor(at.origin) }, signal).catch((error: unknown) => {
      throw Trouble.of(error, host);
    });
    const location = incoming.headers['location'];
    if (![301, 302, 303, 307, 308].includes(incoming.status) || typeof location !== 'string') return incoming;
    incoming.body.on('error', () => {}).destroy();
    const refused = (problem: string) => new Trouble('answer', problem, { host, passes: false });
    if (hops >= mostRedirects) throw refused(`redirects more than ${mostRedirects} times`);
    const next = URL.parse(location, at);
    if (!next || !/^https?:$/.test(next.protocol)) throw refused(`redirects to "${plainUrl(location)}"`);
    if (at.protocol === 'https:' && next.protocol !== 'https:')
      throw refused(`redirects from https to ${plainUrl(next.href)}`);
    at = next;
  }
};

/** The trouble that an answer with an error status is. */
export const refusal = (incoming: Incoming, host: string): Trouble => {
  const { status, headers } = incoming;
  const code = headers['x-error-code'];
  const said = typeof code === 'string' ? reasons[code] : undefined;
  const passes = status === 408 || status === 425 || status === 429 || status >= 500;
  return new Trouble('answer', said ?? `answers ${status}`, { host, passes, status, waitMs: retryAfterMs(incoming) });
};

/** What the hub tells beside the status. */
const reasons: Readonly<Record<string, string>> = {
  RepoNotFound: 'there is no such repository',
  RevisionNotFound: 'it has no such revision',
  EntryNotFound: 'it has no such file',
  GatedRepo: 'its terms have not been accepted',
};
