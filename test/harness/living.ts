/** A running fleet: what it shows, asked with the real command, and what applications get from it. */
import type { TestFleet } from './fleet.ts';
import { readTokens, type StreamReader } from './streams.ts';
import { until } from './until.ts';

export interface ShownHive {
  alias: string;
  status: string;
  since: string;
  reason: string | null;
  pid: number | null;
  version: string | null;
}

export interface ShownWorker {
  id: string;
  hive: string;
  state: string;
  pid: number | null;
  port: number | null;
  restarts: number;
}

export interface Answer {
  status: number;
  text: string;
}

export interface LivingFleet {
  /** The current address of the queen for applications. */
  url(): Promise<string>;
  hive(alias: string): Promise<ShownHive>;
  worker(id: string): Promise<ShownWorker | undefined>;
  /** Waits until a hive has this status, and returns how it is shown. */
  becomes(alias: string, status: string, deadlineMs?: number): Promise<ShownHive>;
  /** Waits until a process other than `before` answers as the hive. */
  another(before: ShownHive): Promise<ShownHive>;
  /** Waits until these workers are shown as ready. */
  ready(...ids: string[]): Promise<ShownWorker[]>;
  /** `hive/id pid` of all workers, sorted: unchanged as long as no worker process changes. */
  processes(): Promise<string[]>;
  /** A request that is answered at once. */
  ask(model: string, signal?: AbortSignal): Promise<Answer>;
  /** A stream with far more tokens than any test waits for. */
  stream(model: string, tokens?: number): Promise<StreamReader>;
}

export const living = ({ home }: TestFleet): LivingFleet => {
  const url = async (): Promise<string> => (await home.json(['queen', 'status'])).url;
  const workers = async (): Promise<ShownWorker[]> => (await home.json(['worker', 'list'])).workers;
  const hive = async (alias: string): Promise<ShownHive> => {
    const { hives } = await home.json(['hive', 'list']);
    const found = (hives as ShownHive[]).find((one) => one.alias === alias);
    if (!found) throw new Error(`hive ${alias} is not shown`);
    return found;
  };
  return {
    url,
    hive,
    worker: async (id) => (await workers()).find((one) => one.id === id),
    becomes: (alias, status, deadlineMs = 60_000) =>
      until(
        async () => {
          const shown = await hive(alias);
          return shown.status === status && shown;
        },
        { deadlineMs, what: `hive ${alias} ${status}` },
      ),
    another: ({ alias, pid }) =>
      until(
        async () => {
          const shown = await hive(alias);
          return shown.status === 'online' && shown.pid !== pid && shown;
        },
        { deadlineMs: 60_000, what: `another process of hive ${alias}` },
      ),
    ready: (...ids) =>
      until(
        async () => {
          const ready = (await workers()).filter(({ id, state }) => ids.includes(id) && state === 'ready');
          return ready.length === ids.length && ready;
        },
        { deadlineMs: 60_000, what: `${ids.join(', ')} ready` },
      ),
    processes: async () => (await workers()).map(({ hive: on, id, pid }) => `${on}/${id} ${pid}`).sort(),
    ask: async (model, signal) => {
      const body = JSON.stringify({ model, max_tokens: 1, messages: [{ role: 'user', content: 'hello' }] });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${await url()}/v1/chat/completions`, { method: 'POST', headers, body, signal });
      return { status: response.status, text: await response.text() };
    },
    stream: async (model, tokens = 1_000_000) => readTokens(await url(), model, undefined, tokens),
  };
};

/** Waits for another token; throws if the stream ends instead. */
export const goesOn = async (stream: StreamReader, deadlineMs = 60_000): Promise<void> => {
  const before = stream.numbers.length;
  await until(
    () => {
      if (stream.ended !== null) throw new Error(`the stream ended: ${stream.ended}`);
      return stream.numbers.length > before;
    },
    { deadlineMs, what: 'another token' },
  );
};

/** How a complete stream ends. */
export const whole = 'data: [DONE]';

/** Waits until a stream ends and returns how: `whole` if it was complete. */
export const endOf = (stream: StreamReader, deadlineMs = 60_000): Promise<string> =>
  until(() => stream.ended, { deadlineMs, what: 'the end of the stream' });
