/** Streams the events of a job as server-sent events. */
import { once } from 'node:events';
import type { FastifyReply } from 'fastify';
import { RbeeError } from '../../contract/errors.ts';
import { disconnectSignal } from '../../http/client-disconnect.ts';
import type { Jobs } from '../jobs/jobs.ts';

/** Sends the events after `last` (the header Last-Event-ID), up to the outcome. Throws JOB_NOT_FOUND, INVALID_INPUT. */
export const sendJobEvents = async (
  jobs: Jobs,
  id: string,
  last: string | string[] | undefined,
  reply: FastifyReply,
): Promise<FastifyReply> => {
  const signal = disconnectSignal(reply.raw);
  const events = jobs.events(id, afterFrom(last), signal);
  reply.hijack();
  const response = reply.raw;
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
  for await (const event of events) {
    const room = response.write(`id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
    if (!room && !signal.aborted) await once(response, 'drain', { signal }).catch(() => {});
  }
  response.end();
  return reply;
};

const afterFrom = (last: string | string[] | undefined): number => {
  if (last === undefined || last === '') return 0;
  if (typeof last === 'string' && /^\d{1,9}$/.test(last)) return Number(last);
  throw RbeeError.of('INVALID_INPUT', {
    what: 'the header Last-Event-ID',
    problem: 'it is not the number of an event',
    hint: 'send the id of the last event that you have seen, or omit the header',
  });
};
