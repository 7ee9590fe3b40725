import assert from 'node:assert/strict';
import { type AddressInfo, connect } from 'node:net';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { plainForm } from './error-answers.ts';
import { requestIdOf } from './request-id.ts';
import { makeHttpServer } from './server.ts';

describe('the id of a request', () => {
  it('is the one that the client sends, if it is 1 to 128 visible ASCII characters', () => {
    for (const id of ['a', '~!"#', 'x'.repeat(128)]) assert.equal(requestIdOf({ headers: { 'x-request-id': id } }), id);
    const made = [undefined, '', 'x'.repeat(129), 'a b', 'a\tb', 'é'].map((id) =>
      requestIdOf({ headers: { 'x-request-id': id } }),
    );
    for (const id of made) assert.match(id, /^req_[\w-]+$/);
    assert.equal(new Set(made).size, made.length);
  });

  it('is in the log with what went wrong, and in every answer', async () => {
    const lines: string[] = [];
    const stream = new Writable({
      write(line, _encoding, done) {
        lines.push(String(line));
        done();
      },
    });
    const app = makeHttpServer({
      logger: pino(stream),
      errorForm: plainForm,
      requestTimeoutMs: 10_000,
      takesUpgrade: () => false,
    });
    app.get('/broken', async () => {
      throw new Error('boom');
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    try {
      const { port } = app.server.address() as AddressInfo;
      const response = await fetch(`http://127.0.0.1:${port}/broken`, { headers: { 'x-request-id': 'trace-1' } });
      assert.equal(response.headers.get('x-request-id'), 'trace-1');
      const { requestId, err } = JSON.parse(lines.at(-1) ?? '{}');
      assert.deepEqual([requestId, err.message], ['trace-1', 'boom']);
      const socket = connect(port, '127.0.0.1').end('what is this\r\n\r\n');
      const answer = Buffer.concat(await socket.toArray()).toString();
      assert.match(answer, /^HTTP\/1\.1 400 [\s\S]*\r\nx-request-id: req_/);
    } finally {
      await app.close();
    }
  });
});
