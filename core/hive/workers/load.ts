/** The load of an engine, read from its Prometheus metrics. */
import { request } from 'node:http';
import type { TypeDescription } from '../../worker-types/description.ts';

export interface EngineLoad {
  running: number;
  waiting: number | null;
  /** 0 to 1. */
  kvCacheUse: number | null;
}

export interface LoadQuestion {
  load: NonNullable<TypeDescription['load']>;
  host: string;
  port: number;
  apiKey: string;
  signal: AbortSignal;
}

/** Null when the engine does not report it, does not answer within two seconds, or is gone. */
export const readLoad = async ({ load, host, port, apiKey, signal }: LoadQuestion): Promise<EngineLoad | null> => {
  const text = await get({
    host,
    port,
    path: load.path,
    apiKey,
    signal: AbortSignal.any([signal, AbortSignal.timeout(2_000)]),
  });
  const running = text === null ? null : readMetric(text, load.running);
  if (text === null || running === null) return null;
  return {
    running,
    waiting: load.waiting === undefined ? null : readMetric(text, load.waiting),
    kvCacheUse: load.kvCacheUse === undefined ? null : readMetric(text, load.kvCacheUse),
  };
};

/** The value of a metric in Prometheus' text format, summed over its labels; null when it is missing. */
export const readMetric = (text: string, name: string): number | null => {
  let sum: number | null = null;
  for (const line of text.split('\n')) {
    if (!line.startsWith(name)) continue;
    const match = /^(?:\{.*\})?\s+(\S+)/.exec(line.slice(name.length));
    const value = Number(match?.[1]);
    if (match && Number.isFinite(value)) sum = (sum ?? 0) + value;
  }
  return sum;
};

const maxBytes = 4 * 2 ** 20;

const get = (target: {
  host: string;
  port: number;
  path: string;
  apiKey: string;
  signal: AbortSignal;
}): Promise<string | null> =>
  new Promise((resolve) => {
    const headers = { authorization: `Bearer ${target.apiKey}` };
    const { host, port, path, signal } = target;
    const call = request({ host, port, path, headers, signal, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > maxBytes) response.destroy();
      });
      response.on('end', () => resolve(response.statusCode === 200 ? text : null));
      response.on('close', () => resolve(null));
      response.on('error', () => resolve(null));
    });
    call.on('error', () => resolve(null));
    call.end();
  });
