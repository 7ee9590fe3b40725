import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import type { JobEvent } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import { connectQueen } from './client.ts';

const folder = mkdtempSync(join(tmpdir(), 'rbee-client-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const socketPath = join(folder, 'queen.sock');
const client = connectQueen({ socketPath });
let server: Server | undefined;

const serve = async (listener: RequestListener): Promise<void> => {
  server = createServer(listener).listen(socketPath);
  await once(server, 'listening');
};
const stop = async (): Promise<void> => {
  const closing = server;
  server = undefined;
  if (!closing) return;
  closing.closeAllConnections();
  closing.close();
  await once(closing, 'close');
};
afterEach(stop);

const failure = async (promise: Promise<unknown>): Promise<RbeeError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown) => thrown,
  );
  assert.ok(error instanceof RbeeError, String(error));
  return error;
};

const event = (seq: number, more: object = { kind: 'info', text: `event ${seq}` }): string =>
  `id: ${seq}\ndata: ${JSON.stringify({ seq, at: '', ...more })}\n\n`;

const watched = async (after = 0, reconnectTimeoutMs?: number): Promise<number[]> => {
  const seen: JobEvent[] = [];
  for await (const one of client.watchJob('job-1', { after, reconnectTimeoutMs })) seen.push(one);
  return seen.map(({ seq }) => seq);
};

describe('a call to the queen', () => {
  it('reports that the queen does not run if the connection is refused or dropped', async () => {
    assert.equal((await failure(client.get('/v1/status'))).code, 'QUEEN_NOT_RUNNING');
    await serve((request) => void request.socket.destroy());
    assert.equal((await failure(client.get('/v1/status'))).code, 'QUEEN_NOT_RUNNING');
  });

  it("throws the queen's error, and an error about the queen if the answer is invalid", async () => {
    const answers: [string, string][] = [
      [JSON.stringify({ error: RbeeError.of('JOB_NOT_FOUND', { job: 'job-1' }) }), 'JOB_NOT_FOUND'],
      ['{"error":{"code":"NO_SUCH_CODE"}}', 'INTERNAL'],
      ['<html>', 'INTERNAL'],
    ];
    for (const [body, code] of answers) {
      await serve((_, response) => response.writeHead(404).end(body));
      assert.equal((await failure(client.get('/v1/jobs/job-1'))).code, code);
      await stop();
    }
    await serve((_, response) => response.end('no json'));
    assert.equal((await failure(client.get('/v1/jobs'))).code, 'INTERNAL');
  });

  it('ends after its timeout, and when it is aborted', async () => {
    await serve(() => {});
    assert.equal((await failure(client.get('/v1/status', { timeoutMs: 20 }))).code, 'TIMEOUT');
    assert.equal((await failure(client.get('/v1/status', { signal: AbortSignal.timeout(20) }))).code, 'CANCELLED');
  });
});

describe('watching a job', () => {
  it('reads events that arrive in pieces, cut anywhere', async () => {
    const bytes = Buffer.from(
      `: a comment\n\n${event(1, { kind: 'text', text: 'é🐝' })}${event(2)}${event(3, { kind: 'result', result: 1 })}`,
    );
    await serve(async (_, response) => {
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      response.end();
    });
    assert.deepEqual(await watched(), [1, 2, 3]);
  });

  it('continues after the last event when the connection breaks, without gaps or repetitions', async () => {
    const asked: (string | undefined)[] = [];
    await serve((request, response) => {
      asked.push(request.headers['last-event-id'] as string);
      response.writeHead(200);
      if (asked.length === 1) response.write(event(1) + event(2), () => request.socket.destroy());
      // Ended in order, but without an outcome.
      else if (asked.length === 2) response.end(event(2) + event(3));
      else response.end(event(4, { kind: 'result', result: null }));
    });
    assert.deepEqual(await watched(), [1, 2, 3, 4]);
    assert.deepEqual(asked, ['0', '2', '3']);
  });

  it('waits a while for a queen that is being restarted', async () => {
    const watching = watched(7);
    await new Promise(setImmediate);
    await serve((_, response) =>
      response.end(event(8, { kind: 'error', error: RbeeError.of('QUEEN_RESTARTED', { job: 'job-1' }) })),
    );
    assert.deepEqual(await watching, [8]);
    await stop();
    assert.equal((await failure(watched(0, 1))).code, 'QUEEN_NOT_RUNNING');
  });

  it('ends at once for a job that does not exist, and quietly when aborted', async () => {
    await serve((_, response) =>
      response.writeHead(404).end(JSON.stringify({ error: RbeeError.of('JOB_NOT_FOUND', { job: 'job-1' }) })),
    );
    assert.equal((await failure(watched())).code, 'JOB_NOT_FOUND');
    await stop();
    await serve((_, response) => void response.writeHead(200).write(event(1)));
    const controller = new AbortController();
    for await (const _ of client.watchJob('job-1', { signal: controller.signal })) controller.abort();
  });
});
