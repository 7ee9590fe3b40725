import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FailureCause } from '../../contract/worker-type/worker-type.ts';
import type { Exit } from '../system/runner.ts';
import { describeFailure, type EndReason, failureError } from './failure.ts';
import { tempFolder } from './testing.ts';

const exited = (code: number | null, signal: NodeJS.Signals | null = null): EndReason => ({
  kind: 'exited',
  exit: { code, signal },
});

test('the plugin’s diagnosis comes first, then the system’s messages, then the bare fact', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  const describe = async (reason: EndReason, diagnosis?: string) => {
    const { failure } = await describeFailure({
      reason,
      log: { file, from: 0 },
      diagnose: async () => (diagnosis ? { cause: 'bad_model', message: diagnosis, hint: 'h' } : undefined),
      now: 0,
    });
    return failure;
  };
  await writeFile(file, 'Error: listen EADDRINUSE: address already in use 127.0.0.1:1\n');
  assert.equal((await describe(exited(1), 'truncated model')).message, 'truncated model');
  assert.equal((await describe(exited(1))).cause, 'port_in_use');
  await writeFile(file, 'x: error while loading shared libraries: libcuda.so.1\n');
  assert.equal((await describe(exited(127))).cause, 'missing_library');
  await writeFile(file, 'nothing\n');
  const cases: [EndReason, string, RegExp][] = [
    [exited(7), 'crashed', /ended with exit code 7 before it was ready/],
    [exited(null, 'SIGKILL'), 'killed', /was ended by SIGKILL before/],
    [{ kind: 'ended', exit: { code: null, signal: 'SIGKILL' } }, 'killed', /killed from outside .SIGKILL/],
    [{ kind: 'ended', exit: { code: 143, signal: null } }, 'killed', /killed from outside .exit code 143/],
    [{ kind: 'ended', exit: { code: null, signal: 'SIGSEGV' } }, 'crashed', /ended by SIGSEGV/],
    [{ kind: 'ended', exit: { code: null, signal: null } }, 'unknown', /^it ended while no hive was watching$/],
    [{ kind: 'no_progress', limitMs: 1500, last: 'answers 503' }, 'no_progress', /no progress for 1.5 s .*answers 503/],
    [{ kind: 'failed_status', status: 500, body: 'broken' }, 'crashed', /answers 500: broken/],
    [{ kind: 'failed_status', status: 500, body: '' }, 'crashed', /answers 500$/],
    [{ kind: 'unhealthy', problem: 'timeout', frozen: true }, 'killed', /a signal from outside stopped it/],
    [{ kind: 'unhealthy', problem: 'timeout' }, 'crashed', /no longer answers \(timeout\)/],
    [{ kind: 'port_taken' }, 'port_in_use', /another program/],
    [{ kind: 'cannot_start', problem: 'no such program', hint: 'h' }, 'unknown', /no such program/],
  ];
  for (const [reason, cause, message] of cases) {
    const failure = await describe(reason);
    assert.equal(failure.cause, cause);
    assert.match(failure.message, message);
  }
});

test('a diagnosis that throws counts as none, and a missing log has no lines', async () => {
  const { failure } = await describeFailure({
    reason: exited(3),
    log: { file: '/no/such/file', from: 0 },
    diagnose: () => Promise.reject(new Error('plugin broken')),
    now: 1000,
  });
  assert.deepEqual(failure, {
    cause: 'crashed',
    message: 'it ended with exit code 3 before it was ready',
    hint: 'see the last lines of its log',
    exitCode: 3,
    signal: null,
    log: [],
    at: '1970-01-01T00:00:01.000Z',
  });
  const error = failureError('w-1', { ...failure, log: ['last words'] });
  assert.equal(error.code, 'WORKER_FAILED');
  assert.deepEqual(error.lines, ['last words']);
});

test('an end is a kill only when nothing explains it otherwise', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  const ended = (exit: Exit): EndReason => ({ kind: 'ended', exit });
  const killed = ended({ code: null, signal: 'SIGKILL' });
  const kindOf = async (reason: EndReason, log: string, cause?: FailureCause, memory?: 'machine') => {
    await writeFile(file, `${log}\n`);
    const { kind } = await describeFailure({
      reason,
      log: { file, from: 0 },
      diagnose: async () => cause && { cause, message: 'm', hint: 'h' },
      memory,
      now: 0,
    });
    return kind;
  };
  assert.equal(await kindOf(killed, 'busy'), 'kill');
  assert.equal(
    await kindOf(killed, 'busy', 'killed'),
    'kill',
    'a plugin that only repeats the signal explains nothing',
  );
  assert.equal(await kindOf(ended({ code: null, signal: 'SIGTERM' }), 'busy'), 'kill');
  assert.equal(await kindOf(ended({ code: 137, signal: null }), 'busy'), 'kill');
  assert.equal(await kindOf(ended({ code: null, signal: null }), 'busy'), 'kill', 'how it ended is unknown');
  assert.equal(await kindOf({ kind: 'unhealthy', problem: 'p', frozen: true }, 'busy'), 'kill');
  assert.equal(await kindOf(killed, 'address already in use'), 'kill', 'long ago, while it was starting');
  assert.equal(await kindOf(killed, 'busy', 'out_of_memory'), 'crash');
  assert.equal(await kindOf(killed, 'busy', 'killed', 'machine'), 'crash');
  assert.equal(await kindOf(killed, 'std::bad_alloc'), 'crash');
  assert.equal(await kindOf(ended({ code: null, signal: null }), 'busy', 'bad_model'), 'crash');
  assert.equal(await kindOf(ended({ code: null, signal: 'SIGSEGV' }), 'busy'), 'crash');
  assert.equal(await kindOf(ended({ code: 1, signal: null }), 'busy'), 'crash');
  assert.equal(await kindOf({ kind: 'unhealthy', problem: 'p' }, 'busy'), 'crash');
});

// It was reported as a plain kill, with the hint to find out which program sent the signal.
test('memory that ran out is named as that of the machine, or as the limit of the worker', async () => {
  const reason: EndReason = { kind: 'ended', exit: { code: null, signal: 'SIGKILL' } };
  const describe = async (memory: 'machine' | 'limit', cause: FailureCause) => {
    const diagnose = async () => ({ cause, message: 'own words', hint: 'h' });
    return (await describeFailure({ reason, diagnose, memory, memoryLimit: 2 ** 30, now: 0 })).failure;
  };
  const machine = await describe('machine', 'killed');
  assert.equal(machine.cause, 'out_of_memory');
  assert.match(machine.message, /the kernel ended it because the machine ran out of main memory \(it has .* of RAM\)/);
  assert.match((await describe('limit', 'crashed')).message, /more main memory than its limit of 1(\.0+)? GiB/);
  assert.equal((await describe('machine', 'bad_model')).message, 'own words');
});

test('a plugin gets no exit when none was observed', async () => {
  const seen: unknown[] = [];
  for (const exit of [
    { code: null, signal: null },
    { code: 3, signal: null },
  ]) {
    const diagnose = async (failure: { exit: unknown }) => void seen.push(failure.exit);
    await describeFailure({ reason: { kind: 'ended', exit }, diagnose: diagnose as never, now: 0 });
  }
  assert.deepEqual(seen, [null, { code: 3, signal: null }]);
});
