import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeFailure, type EndReason, failureError } from './failure.ts';
import { tempFolder } from './testing.ts';

const exited = (code: number | null, signal: NodeJS.Signals | null = null): EndReason => ({
  kind: 'exited',
  exit: { code, signal },
});

test('what the plugin recognises comes first, what the system says next, and then the bare fact', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  const describe = (reason: EndReason, diagnosis?: string) =>
    describeFailure({
      reason,
      log: { file, from: 0 },
      diagnose: async () => (diagnosis ? { cause: 'bad_model', message: diagnosis, hint: 'h' } : undefined),
      now: 0,
    });
  await writeFile(file, 'Error: listen EADDRINUSE: address already in use 127.0.0.1:1\n');
  assert.equal((await describe(exited(1), 'truncated model')).message, 'truncated model');
  assert.equal((await describe(exited(1))).cause, 'port_in_use');
  await writeFile(file, 'x: error while loading shared libraries: libcuda.so.1\n');
  assert.equal((await describe(exited(127))).cause, 'missing_library');
  await writeFile(file, 'nothing\n');
  const cases: [EndReason, string, RegExp][] = [
    [exited(7), 'crashed', /ended with exit code 7 before it was ready/],
    [exited(null, 'SIGKILL'), 'killed', /was ended by SIGKILL before/],
    [{ kind: 'ended', exit: { code: null, signal: 'SIGKILL' } }, 'killed', /it was killed/],
    [{ kind: 'ended', exit: { code: null, signal: 'SIGSEGV' } }, 'crashed', /ended by SIGSEGV/],
    [{ kind: 'ended', exit: { code: null, signal: null } }, 'crashed', /^it ended$/],
    [{ kind: 'no_progress', limitMs: 1500, last: 'answers 503' }, 'no_progress', /no progress for 1.5 s .*answers 503/],
    [{ kind: 'failed_status', status: 500, body: 'broken' }, 'crashed', /answers 500: broken/],
    [{ kind: 'failed_status', status: 500, body: '' }, 'crashed', /answers 500$/],
    [{ kind: 'unhealthy', problem: 'timeout' }, 'crashed', /does not answer any more \(timeout\)/],
    [{ kind: 'port_taken' }, 'port_in_use', /another program/],
    [{ kind: 'cannot_start', problem: 'no such program', hint: 'h' }, 'unknown', /no such program/],
  ];
  for (const [reason, cause, message] of cases) {
    const failure = await describe(reason);
    assert.equal(failure.cause, cause);
    assert.match(failure.message, message);
  }
});

test('a diagnosis that throws is as none, and a log that is missing has no lines', async () => {
  const failure = await describeFailure({
    reason: exited(3),
    log: { file: '/no/such/file', from: 0 },
    diagnose: () => Promise.reject(new Error('plugin broken')),
    now: 1000,
  });
  assert.deepEqual(failure, {
    cause: 'crashed',
    message: 'it ended with exit code 3 before it was ready',
    hint: 'look at the last lines of its log',
    exitCode: 3,
    signal: null,
    log: [],
    at: '1970-01-01T00:00:01.000Z',
  });
  const error = failureError('w-1', { ...failure, log: ['last words'] });
  assert.equal(error.code, 'WORKER_FAILED');
  assert.deepEqual(error.lines, ['last words']);
});
