/** Follows the events of a job over server-sent events, without gaps when the connection breaks. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isOutcome, type JobEvent } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { QueenAddress } from './address.ts';
import { connectionError, openStream } from './http.ts';

export interface WatchOptions {
  /** Number of the last known event. Default 0: all events follow. */
  after?: number;
  /** Ends the watching, not the job. */
  signal?: AbortSignal;
  /** Timeout in milliseconds for a queen that went away; by default 3,000, enough for a restart. */
  reconnectTimeoutMs?: number;
}

const retryMs = 200;

/** Ends after the outcome, or quietly when aborted. Throws JOB_NOT_FOUND, QUEEN_NOT_RUNNING. */
export async function* watchJob(
  address: QueenAddress,
  id: string,
  { after = 0, signal, reconnectTimeoutMs = 3_000 }: WatchOptions = {},
): AsyncGenerator<JobEvent, void, undefined> {
  let last = after;
  let goneSince: number | undefined;
  while (!signal?.aborted) {
    try {
      for await (const event of connection(address, id, last, signal)) {
        goneSince = undefined;
        if (event.seq <= last) continue;
        last = event.seq;
        yield event;
        if (isOutcome(event)) return;
      }
    } catch (thrown) {
      if (signal?.aborted) return;
      const error = connectionError(thrown, undefined, address);
      if (error.code !== 'QUEEN_NOT_RUNNING' && error.code !== 'QUEEN_UNREACHABLE') throw error;
      goneSince ??= performance.now();
      if (performance.now() - goneSince > reconnectTimeoutMs) throw error;
    }
    await sleep(retryMs, undefined, { signal }).catch(() => {});
  }
}

async function* connection(
  address: QueenAddress,
  id: string,
  after: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobEvent, void, undefined> {
  const response = await openStream(address, {
    path: `/v1/jobs/${encodeURIComponent(id)}/events`,
    headers: { accept: 'text/event-stream', 'last-event-id': String(after) },
    signal,
  });
  response.setEncoding('utf8');
  try {
    let rest = '';
    for await (const piece of response) {
      const blocks = (rest + piece).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = eventOf(block);
        if (event) yield event;
      }
    }
  } finally {
    response.destroy();
  }
}

const eventOf = (block: string): JobEvent | undefined => {
  const data = block
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).trimStart())
    .join('\n');
  if (data === '') return undefined;
  try {
    return JSON.parse(data) as JobEvent;
  } catch (cause) {
    throw RbeeError.of(
      'INTERNAL',
      { part: 'the queen', problem: 'an event is not JSON', log: 'rbee queen logs' },
      { cause },
    );
  }
};
