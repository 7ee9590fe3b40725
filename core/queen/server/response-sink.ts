/** The answer of a worker on its way into an HTTP response, untouched. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { RbeeError } from '../../contract/errors.ts';
import type { HiveWorker } from '../../contract/hive-api.ts';
import type { WorkerSink } from '../gateway/gateway.ts';
import type { ResponseHeaders } from '../gateway/headers.ts';
import { applicationError } from './errors.ts';

/** Header that tells which worker answered. */
export const workerHeader = 'x-rbee-worker';

export const responseSink = (reply: FastifyReply): WorkerSink => {
  const response = reply.raw;
  let worker = '';
  let streamsEvents = false;
  return {
    from: ({ id }: HiveWorker) => {
      worker = id;
    },
    begin: (status: number, headers: ResponseHeaders) => {
      const type = String(headers['content-type'] ?? '');
      // Into a body of announced length, or a compressed one, no further event can be put.
      const open = headers['content-length'] === undefined && headers['content-encoding'] === undefined;
      streamsEvents = type.startsWith('text/event-stream') && open;
      reply.hijack();
      const all = { ...headers, ...reply.getHeaders(), [workerHeader]: worker };
      response.writeHead(status, all as OutgoingHttpHeaders);
    },
    write: (chunk) => response.write(chunk),
    onDrain: (drained) => void response.on('drain', drained),
    end: () => void response.end(),
    breakOff: (error: RbeeError) => {
      // The line breaks end an event that was cut in the middle; without [DONE] no client takes this for success.
      if (streamsEvents) response.end(`\n\ndata: ${JSON.stringify({ error: applicationError(error) })}\n\n`);
      else response.destroy();
    },
  };
};
