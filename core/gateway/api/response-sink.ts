/** Writes a worker's answer into an HTTP response, unchanged. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { HiveWorker } from '../../contract/api/hive-api.ts';
import type { RbeeError } from '../../contract/errors.ts';
import type { ResponseHeaders } from '../forward/headers.ts';
import type { WorkerSink } from '../gateway.ts';
import { applicationError } from '../words/application-error.ts';

/** Names the worker that answered. */
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
      // An error event cannot be appended to a body of fixed length, nor to a compressed one.
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
      // The line breaks end an event that was cut off. Without [DONE], no client takes this stream for complete.
      if (streamsEvents) response.end(`\n\ndata: ${JSON.stringify({ error: applicationError(error) })}\n\n`);
      else response.destroy();
    },
  };
};
