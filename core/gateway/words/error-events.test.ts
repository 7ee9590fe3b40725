import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorEvents } from './error-events.ts';

/** What passes of a stream that arrives in pieces of `size` bytes. */
const passed = (stream: string, size = stream.length): string => {
  const events = new ErrorEvents({ worker: 'w-1', kind: 'chat' });
  const bytes = Buffer.from(stream);
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(events.push(bytes.subarray(at, at + size)));
  return Buffer.concat([...out, events.end()]).toString();
};

const token = 'data: {"choices":[{"delta":{"content":"an \\"error\\": é"}}]}\n\n';
const failed = (message: string) =>
  `data: ${JSON.stringify({ error: { message: `worker w-1 failed: ${message}`, type: 'server_error', code: 'worker_failed', param: null, hint: 'see: rbee worker logs w-1' } })}\n`;

describe('error events', () => {
  it('pass everything else unchanged, however it is split', () => {
    const streams = [
      token.repeat(3) + 'data: [DONE]\n\n',
      'event: token\r\ndata: {"a":1}\r\n\r\n: comment with error\r\n\r\n',
      'data: {"error":null,"choices":[]}\n\n',
      'data: {"error": broken\n\ndata: 1\n\n',
      `event: errors\n\n${token}`,
      'data: {"errors":1}\n\ndata: cut of',
      `data: {"b64_json":"${'A'.repeat(5_000)}error${'A'.repeat(5_000)}"}\n\n`,
    ];
    for (const stream of streams) {
      for (const size of [1, 2, 3, 7, 31, 33, 100, stream.length]) assert.equal(passed(stream, size), stream);
    }
  });

  it('are rewritten in each form that engines use, however they are split', () => {
    const forms: [string, string][] = [
      ['data: {"error":{"message":"boom","code":500}}\n\n', `${failed('boom')}\n`],
      [
        'data: {"error": {"message":"boom","type":"InternalServerError","code":500}}\n\ndata: [DONE]\n\n',
        `${failed('boom')}\ndata: [DONE]\n\n`,
      ],
      ['error: {"code":500,"message":"boom","type":"server_error"}\n\n', `${failed('boom')}\n`],
      ['event: error\ndata: {"message":"boom"}\n\n', `${failed('boom')}\n`],
      ['event: error\r\ndata: {"error":"boom"}\r\n\r\n', `${failed('boom')}\r\n`],
      ['data: {"object": "error", "message": "boom", "type": "Other", "code": 500}\n\n', `${failed('boom')}\n`],
      // Without the line break that would end it.
      ['data: {"error":{"message":"boom"}}', failed('boom')],
    ];
    for (const [form, expected] of forms) {
      const stream = token + form;
      for (const size of [1, 2, 5, 31, 64, stream.length]) {
        assert.equal(passed(stream, size), token + expected, `${form} in pieces of ${size}`);
      }
    }
  });

  it('hold back no more than the start of a line', () => {
    const events = new ErrorEvents({ worker: 'w-1', kind: 'chat' });
    assert.equal(
      events.push(Buffer.from(`${token}data: {"choices":[{"delta":{"con`)).length,
      Buffer.byteLength(token) + 32,
    );
    assert.equal(events.push(Buffer.from('tent":"a"}')).toString(), 'tent":"a"}');
    const whole = Buffer.from(token.replace('error', 'word'));
    assert.equal(new ErrorEvents({ worker: 'w-1', kind: 'chat' }).push(whole), whole);
  });

  it('give up on a line without an end', () => {
    const endless = `data: {"error":"${'x'.repeat(200_000)}`;
    assert.equal(passed(endless, 10_000), endless);
  });
});
