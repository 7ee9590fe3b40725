/** How much a key may use: requests and tokens per minute, and requests at the same time. */
import type { RateLimiterMemory as Limiter, RateLimiterRes } from 'rate-limiter-flexible';
// The package's index would load all of its stores: 30 ms and 10 MB.
import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js';
import type { AccessKey } from '../../contract/api/access.ts';
import { RbeeError } from '../../contract/errors.ts';

/** What a request may use; ended once, with the tokens that it has used. */
export interface Use {
  /** Whether `end` counts tokens. */
  countsTokens: boolean;
  end(tokens: number): void;
}

interface KeyLimits {
  requests: Limiter | undefined;
  tokens: Limiter | undefined;
  inFlight: number;
}

const unlimited: Use = { countsTokens: false, end: () => {} };

export class UseLimits {
  readonly #keys = new Map<string, KeyLimits>();

  /**
   * Counts a request. Adds the `x-ratelimit-*` headers of its answer to `headers`, also when it is refused. Throws
   * RATE_LIMITED with `retryAfter`, TOO_MANY_REQUESTS.
   */
  async begin(key: AccessKey | undefined, headers: Record<string, string> = {}): Promise<Use> {
    if (!key || (key.requestsPerMinute ?? key.tokensPerMinute ?? key.maxConcurrent) === undefined) return unlimited;
    const limits = this.#limitsOf(key);
    const who = `key ${key.name}`;
    if (key.maxConcurrent !== undefined && limits.inFlight >= key.maxConcurrent)
      throw RbeeError.of('TOO_MANY_REQUESTS', { who, limit: key.maxConcurrent }, { retryAfter: 1 });
    limits.inFlight += 1;
    try {
      const { tokens, requests } = limits;
      if (tokens) {
        const used = await tokens.get(key.id);
        tell(headers, 'tokens', tokens.points, used);
        if (used && used.consumedPoints >= tokens.points)
          throw limited(who, `${tokens.points} tokens per minute`, used);
      }
      if (requests) {
        const { used, isRefused } = await take(requests, key.id);
        tell(headers, 'requests', requests.points, used);
        if (isRefused) throw limited(who, `${requests.points} requests per minute`, used);
      }
      return { countsTokens: tokens !== undefined, end: once((count) => this.#end(limits, key.id, count)) };
    } catch (error) {
      limits.inFlight -= 1;
      throw error;
    }
  }

  #end(limits: KeyLimits, id: string, tokens: number): void {
    limits.inFlight -= 1;
    if (tokens > 0) void limits.tokens?.penalty(id, tokens);
  }

  /** The settings of a key never change. */
  #limitsOf({ id, requestsPerMinute, tokensPerMinute }: AccessKey): KeyLimits {
    const known = this.#keys.get(id);
    if (known) return known;
    const perMinute = (points: number | undefined) =>
      points === undefined ? undefined : new RateLimiterMemory({ points, duration: 60 });
    const limits = {
      requests: perMinute(requestsPerMinute),
      tokens: perMinute(tokensPerMinute),
      inFlight: 0,
    };
    this.#keys.set(id, limits);
    return limits;
  }
}

const take = async (limiter: Limiter, id: string): Promise<{ used: RateLimiterRes; isRefused: boolean }> => {
  try {
    return { used: await limiter.consume(id), isRefused: false };
  } catch (used) {
    if (used instanceof Error) throw used;
    return { used: used as RateLimiterRes, isRefused: true };
  }
};

const tell = (headers: Record<string, string>, what: string, limit: number, used: RateLimiterRes | null): void => {
  headers[`x-ratelimit-limit-${what}`] = String(limit);
  headers[`x-ratelimit-remaining-${what}`] = String(Math.max(0, used?.remainingPoints ?? limit));
  headers[`x-ratelimit-reset-${what}`] = `${Math.ceil((used?.msBeforeNext ?? 0) / 1_000)}s`;
};

const limited = (who: string, limit: string, { msBeforeNext }: RateLimiterRes): RbeeError => {
  const seconds = Math.max(1, Math.ceil(msBeforeNext / 1_000));
  return RbeeError.of('RATE_LIMITED', { who, limit, seconds }, { retryAfter: seconds });
};

const once = (work: (tokens: number) => void): ((tokens: number) => void) => {
  let isDone = false;
  return (tokens) => {
    if (isDone) return;
    isDone = true;
    work(tokens);
  };
};
