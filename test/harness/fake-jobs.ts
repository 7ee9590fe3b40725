/** Jobs of a fake queen: requests are recorded, and each operation plays the events that a test supplies. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { NarrationEvent, Outcome } from '../../core/contract/api/narration.ts';
import { type FakeQueen, startFakeQueen } from './fake-queen.ts';

/** `wait` waits until the job is cancelled, `answer` until a question is answered. */
type Played = NarrationEvent | Outcome | 'wait' | 'answer';

export interface FakeJobs extends FakeQueen {
  /** Operations in the order of their requests. */
  readonly asked: readonly { operation: string; input: Record<string, unknown> }[];
  readonly answers: readonly { id: string; answer: string }[];
  readonly cancelled: readonly string[];
}

/** `plays` maps the input of an operation to its events; `reads` are answered as by a fake queen. */
export const startFakeJobs = async (
  socketPath: string,
  plays: Record<string, (input: Record<string, unknown>) => readonly Played[]>,
  reads: Record<string, unknown> = {},
): Promise<FakeJobs> => {
  const asked: { operation: string; input: Record<string, unknown> }[] = [];
  const answers: { id: string; answer: string }[] = [];
  const cancelled: string[] = [];
  const wake = new Set<() => void>();
  const next = () => new Promise<void>((resolve) => wake.add(resolve));
  const rouse = () => {
    for (const resolve of wake) resolve();
    wake.clear();
  };

  const play = async (id: string, response: ServerResponse): Promise<void> => {
    const { operation, input } = asked[Number(id.slice('job-'.length))] ?? { operation: '', input: {} };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let seq = 0;
    const send = (event: NarrationEvent | Outcome) => {
      seq += 1;
      const body = JSON.stringify({ ...event, seq, at: '2026-01-01T00:00:00Z' });
      response.write(`id: ${seq}\ndata: ${body}\n\n`);
    };
    for (const one of plays[operation]?.(input) ?? []) {
      const before = answers.length;
      if (one === 'answer') while (answers.length === before) await next();
      else if (one === 'wait') {
        while (!cancelled.includes(id)) await next();
        const error = { code: 'CANCELLED', message: `${operation} was cancelled`, hint: 'run it again' } as const;
        send({ kind: 'error', error });
      } else send(one);
    }
    response.end();
  };

  const handlers: Record<string, (request: IncomingMessage, response: ServerResponse) => unknown> = {
    'POST /v1/jobs': async (request, response) => {
      asked.push(JSON.parse(await text(request)));
      response.writeHead(202).end(JSON.stringify({ job_id: `job-${asked.length - 1}` }));
    },
  };
  for (const id of Array.from({ length: 10 }, (_, index) => `job-${index}`)) {
    handlers[`GET /v1/jobs/${id}/events`] = (_, response) => play(id, response);
    handlers[`POST /v1/jobs/${id}/answers`] = async (request, response) => {
      answers.push(JSON.parse(await text(request)));
      response.writeHead(204).end();
      rouse();
    };
    handlers[`DELETE /v1/jobs/${id}`] = (_, response) => {
      cancelled.push(id);
      response
        .writeHead(202)
        .end(JSON.stringify({ id, operation: asked.at(-1)?.operation, state: 'running', input: {} }));
      rouse();
    };
  }
  const queen = await startFakeQueen(socketPath, { ...reads, ...handlers });
  return { requests: queen.requests, close: queen.close, asked, answers, cancelled };
};
