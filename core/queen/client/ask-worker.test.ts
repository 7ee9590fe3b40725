import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import { jsonEvents } from './ask-worker.ts';

const read = async (...pieces: string[]): Promise<unknown[]> => {
  const events: unknown[] = [];
  for await (const event of jsonEvents(Readable.from(pieces) as IncomingMessage)) events.push(event);
  return events;
};

test('events are parsed whole, however the stream is cut, and the end marker is no event', async () => {
  assert.deepEqual(await read('data: {"a"', ':1}\n\ndata: {"b":2}\n', '\n: ping\n\ndata: [DONE]\n\n'), [
    { a: 1 },
    { b: 2 },
  ]);
});

test('an error of the queen is passed on unchanged, and one of an engine becomes an error of the catalogue', async () => {
  const broke = RbeeError.of('WORKER_CONNECTION_LOST', { worker: 'sd-1', problem: 'other side closed' });
  const event = `data: ${JSON.stringify({ error: broke })}\n\n`;
  await assert.rejects(read('data: {"a":1}\n\n', event), {
    message: 'lost the connection to worker sd-1: other side closed',
  });
  await assert.rejects(read('data: {"error":{"message":"out of memory"}}\n\n'), /out of memory/);
});

test('a stream that ends within an event is an error', async () => {
  await assert.rejects(read('data: {"a":1}\n\ndata: {"b"'), { code: 'WORKER_CONNECTION_LOST' });
});
