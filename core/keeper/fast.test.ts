import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bodyOf } from './fast.ts';

const answer = (head: string, body: string): Buffer => Buffer.from(`HTTP/1.1 ${head}\r\n\r\n${body}`);

describe('an answer on the short path', () => {
  it('is read by its content length, or in chunks', () => {
    assert.equal(bodyOf(answer('200 OK\r\nContent-Length: 4', 'bée')), 'bée');
    assert.equal(
      bodyOf(answer('200 OK\r\ntransfer-encoding: chunked', '3\r\nbee\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n')),
      'bee0123456789',
    );
  });

  it('is an error unless it is complete and successful, so that the full command can report the problem', () => {
    assert.throws(() => bodyOf(answer('500 Oops\r\ncontent-length: 2', '{}')));
    assert.throws(() => bodyOf(answer('200 OK\r\ncontent-length: 20', '{}')));
    assert.throws(() => bodyOf(answer('200 OK\r\ntransfer-encoding: chunked', 'ff\r\nbee')));
    assert.throws(() => bodyOf(Buffer.from('')));
  });
});
