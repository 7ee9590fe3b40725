/** How much a key may use: requests and tokens per minute, and requests at the same time. */
import type { RateLimiterMemory as Limiter, RateLimiterRes } from 'rate-limiter-flexible';
// The package's index would load all of its stores: 30 ms and 10 MB.
import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js';
import type { AccessKey } from '../../contract/api/access.ts';
import { RbeeError } from '../../contract/errors.ts';

/** What a request may use; ended once, with the tokens that it has used. */
export interface Use {
  /** `x-ratelimit-*` headers of the answer. */
  headers: Record<string, string>;
  /** Whether `end` counts tokens. */
  countsTokens: boolean;
  end(tokens: number): void;
}

interface KeyLimits {
  settings: string;
  requests: Limiter | undefined;
  tokens: Limiter | undefined;
  inFlight: number;
}

const unlimited: Use = { headers: {}, countsTokens: false, end: () => {} };

export class UseLimits {
  readonly #keys = new Map<string, KeyLimits>();

  /** Counts a request. Throws RATE_LIMITED with `retryAfter`, TOO_MANY_REQUESTS. */
  async begin(key: AccessKey | undefined): Promise<Use> {
    if (!key || (key.requestsPerMinute ?? key.tokensPerMinute ?? key.maxConcurrent) === undefined) return unlimited;
    const limits = this.#limitsOf(key);
    const who = `key ${key.name}`;
    if (key.maxConcurrent !== undefined && limits.inFlight >= key.maxConcurrent)
      throw RbeeError.of('TOO_MANY_REQUESTS', { who, limit: key.maxConcurrent }, { retryAfter: 1 });
    limits.inFlight += 1;
    try {
      const headers: Record<string, string> = {};
      const { tokens, requests } = limits;
      if (tokens) {
        const used = await tokens.get(key.id);
        if (used && used.consumedPoints >= tokens.points)
          throw limited(who, `${tokens.points} tokens per minute`, used);
        tell(headers, 'tokens', tokens.points, used);
      }
      if (requests) tell(headers, 'requests', requests.points, await take(requests, key.id, who));
      return { headers, countsTokens: tokens !== undefined, end: once((count) => this.#end(limits, key.id, count)) };
    } catch (error) {
      limits.inFlight -= 1;
      throw error;
    }
  }

  #end(limits: KeyLimits, id: string, tokens: number): void {
    limits.inFlight -= 1;
    if (tokens > 0) void limits.tokens?.penalty(id, tokens);
  }

  /** New ones when the settings of the key have changed. */
  #limitsOf({ id, requestsPerMinute, tokensPerMinute }: AccessKey): KeyLimits {
    const settings = `${requestsPerMinute}/${tokensPerMinute}`;
    const known = this.#keys.get(id);
    if (known?.settings === settings) return known;
    const perMinute = (points: number | undefined) =>
      points === undefined ? undefined : new RateLimiterMemory({ points, duration: 60 });
    const limits = {
      settings,
      requests: perMinute(requestsPerMinute),
      tokens: perMinute(tokensPerMinute),
      inFlight: known?.inFlight ?? 0,
    };
    this.#keys.set(id, limits);
    return limits;
  }
}

const take = async (limiter: Limiter, id: string, who: string): Promise<RateLimiterRes> => {
  try {
    return await limiter.consume(id);
  } catch (result) {
    if (result instanceof Error) throw result;
    throw limited(who, `${limiter.points} requests per minute`, result as RateLimiterRes);
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
