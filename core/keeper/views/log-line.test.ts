import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatLogLine } from './log-line.ts';

describe('a line of a log', () => {
  it('is formatted for people', () => {
    const line = '{"level":40,"time":1767225600000,"pid":7,"hostname":"h","name":"queen","port":8500,"msg":"busy"}';
    assert.equal(formatLogLine(line), '2026-01-01T00:00:00.000Z warn  busy port=8500');
  });

  it('is unchanged if it is not JSON', () => {
    for (const line of ['', 'Error: boom', '{"level":30', '{"a":1}', '{}', '[1]'])
      assert.equal(formatLogLine(line), line);
    assert.match(formatLogLine('{"level":30,"time":1e300,"msg":"x"}'), /x$/);
  });
});
