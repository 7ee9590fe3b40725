import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import { recorder } from '../../narration/testing.ts';
import { asReportable, errorJson, exitCodeOf, formatError } from './report.ts';

describe('error reports', () => {
  it('show what happened, what to try, and the output of the engine', () => {
    const error = RbeeError.of(
      'WORKER_FAILED',
      { worker: 'w', problem: 'it crashed', hint: 'look' },
      { lines: ['bad\u001b[0m'] },
    );
    const screen = recorder(false);
    screen.show(error.toJSON(), formatError);
    assert.equal(screen.written, 'error: worker w failed: it crashed\n  try: look\n  | bad\\x1b[0m\n');
  });

  it('have code, message and hint in JSON', () => {
    const error = RbeeError.of('QUEEN_NOT_RUNNING', {});
    assert.deepEqual(Object.keys(errorJson(error).error), ['code', 'message', 'hint']);
  });

  it('exit with 2 for a wrong command line and with 1 for everything else', () => {
    assert.equal(exitCodeOf(RbeeError.of('USAGE', { problem: 'p', help: 'h' })), 2);
    assert.equal(exitCodeOf(RbeeError.of('DEVICE_INVALID', { device: 'gpu' })), 2);
    assert.equal(exitCodeOf(RbeeError.of('QUEEN_NOT_RUNNING', {})), 1);
    assert.equal(
      exitCodeOf(RbeeError.of('CONFIG_INVALID', { file: 'f', line: 1, column: 1, problem: 'p', hint: 'h' })),
      1,
    );
  });

  it('say what a number must be', () => {
    const thrown = Object.assign(new Error('Parsing --limit \n\tExpected an integer but received: ten'), { parse: {} });
    assert.equal(asReportable(thrown, 'rbee audit --help', () => '').message, '--limit must be an integer, not "ten"');
  });

  it('are in the catalogue, whatever was thrown', () => {
    const error = asReportable(new TypeError('x is not a function'), 'rbee --help', () => '');
    assert.equal(error.code, 'INTERNAL');
    assert.match(error.message, /x is not a function/);
  });
});
