import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerSink } from './answer-sink.ts';

const chunk = Buffer.alloc(2 ** 20, 'x');
const event = Buffer.from(`data: ${JSON.stringify({ choices: [{ delta: { content: 'x'.repeat(2 ** 20) } }] })}\n`);

// A worker that never stopped sending used to fill the queen's memory.
for (const [what, type, piece] of [
  ['an endless line', 'text/event-stream', chunk],
  ['an endless text', 'text/event-stream', event],
  ['an endless body', 'application/json', chunk],
] as const) {
  test(`${what} is cut off`, () => {
    let stopped = 0;
    const sink = new AnswerSink(
      () => {},
      () => {
        stopped += 1;
      },
    );
    sink.from({ id: 'w-1' } as never);
    sink.begin(200, { 'content-type': type });
    let taken = 0;
    while (sink.write(piece)) taken += 1;
    assert.ok(taken >= 6 && taken <= 8, `${taken} MiB`);
    assert.equal(stopped, 1);
    sink.breakOff(new Error('the connection was cut') as never);
    assert.throws(() => sink.result('m'), { code: 'WORKER_CONNECTION_LOST', message: /longer than 8 MiB/ });
  });
}
