/** Watches a ready process: a cheap question every few seconds, a dearer one on suspicion. */
import { httpRequest } from './http-request.ts';
import type { LiveSpec } from './process-plan.ts';
import type { Runner } from './runner.ts';

export interface LivenessOptions {
  live: LiveSpec;
  /** Is a request under way? Then the deep check is not sent, and a slow answer is no failure. */
  busy?: () => boolean;
  /** Called once, with why; the watch has then ended. */
  onUnhealthy: (problem: string) => void;
  /** Milliseconds for one answer; 5,000 when absent. */
  timeoutMs?: number;
  request?: Runner['request'];
}

const mostFailures = 3;
const deepTimeoutMs = 60_000;

/** Begins to watch. Returns what ends it; it keeps no process alive. */
export const watchLiveness = (options: LivenessOptions): (() => void) => {
  const ended = new AbortController();
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  const next = () => {
    if (!ended.signal.aborted) timer = setTimeout(look, options.live.everyMs ?? 5000).unref();
  };
  const look = async () => {
    const problem = await suspicion(options, ended.signal);
    if (ended.signal.aborted) return;
    failures = problem === null ? 0 : failures + 1;
    if (problem === null || failures < mostFailures) return next();
    ended.abort();
    options.onUnhealthy(problem);
  };
  next();
  return () => {
    ended.abort();
    clearTimeout(timer);
  };
};

/** What is wrong; null when nothing is. */
const suspicion = async (options: LivenessOptions, signal: AbortSignal): Promise<string | null> => {
  const { live, busy } = options;
  const timeoutMs = options.timeoutMs ?? 5000;
  const problem = await ask(options, { url: live.url, headers: live.headers, timeoutMs, signal });
  if (problem === null || signal.aborted) return null;
  // An engine that computes may be slow to answer, or have no thread left to do it.
  if (busy?.()) return null;
  if (live.deep === undefined) return problem;
  const { url, body } = live.deep;
  const deep = await ask(options, {
    url,
    headers: live.headers,
    method: 'POST',
    body,
    timeoutMs: deepTimeoutMs,
    signal,
  });
  return deep === null || busy?.() ? null : `${problem}; ${deep}`;
};

const ask = async (options: LivenessOptions, request: Parameters<typeof httpRequest>[0]): Promise<string | null> => {
  try {
    const { status } = await (options.request ?? httpRequest)(request);
    return status >= 200 && status < 300 ? null : `${request.url} answers ${status}`;
  } catch (error) {
    return `${request.url}: ${error instanceof Error ? error.message : String(error)}`;
  }
};
