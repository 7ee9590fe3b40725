import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RbeeError } from '../contract/errors.ts';
import { recorder } from '../narration/testing.ts';
import { asReportable, errorJson, exitCodeOf, formatError } from './report.ts';

describe('errors on the way out', () => {
  it('say what happened, what to try, and what the engine said', () => {
    const error = RbeeError.of(
      'WORKER_FAILED',
      { worker: 'w', problem: 'it crashed', hint: 'look' },
      { lines: ['bad\u001b[0m'] },
    );
    const screen = recorder(false);
    screen.show(error.toJSON(), formatError);
    assert.equal(screen.written, 'error: worker w failed: it crashed\n  try: look\n  | bad\\x1b[0m\n');
  });

  it('are code, message and hint in JSON', () => {
    const error = RbeeError.of('QUEEN_NOT_RUNNING', {});
    assert.deepEqual(Object.keys(errorJson(error).error), ['code', 'message', 'hint']);
  });

  it('exit with 2 for what was typed wrongly and with 1 for the rest', () => {
    assert.equal(exitCodeOf(RbeeError.of('USAGE', { problem: 'p', help: 'h' })), 2);
    assert.equal(exitCodeOf(RbeeError.of('DEVICE_INVALID', { device: 'gpu' })), 2);
    assert.equal(exitCodeOf(RbeeError.of('QUEEN_NOT_RUNNING', {})), 1);
    assert.equal(
      exitCodeOf(RbeeError.of('CONFIG_INVALID', { file: 'f', line: 1, column: 1, problem: 'p', hint: 'h' })),
      1,
    );
  });

  it('are of the catalogue whatever was thrown', () => {
    const error = asReportable(new TypeError('x is not a function'), 'rbee --help', () => '');
    assert.equal(error.code, 'INTERNAL');
    assert.match(error.message, /x is not a function/);
  });
});
