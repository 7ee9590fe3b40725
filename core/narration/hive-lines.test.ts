import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NarrationEvent } from '../contract/api/narration.ts';
import type { SyncPlan } from '../contract/api/sync.ts';
import { HiveLines } from './hive-lines.ts';
import type { Screen } from './screen.ts';
import { recorder, shown } from './testing.ts';

const plan: SyncPlan = { config: '/hives.conf', hives: [], steps: 0, inSync: true };

/** A sync of two machines, as the queen narrates it. */
const sync: NarrationEvent[] = [
  { kind: 'step', id: 'read', text: 'looking at 2 machines', on: 'queen' },
  { kind: 'done', id: 'read', ms: 40 },
  { kind: 'plan', plan },
  { kind: 'step', id: 'a', text: '2 steps', on: 'hive alpha' },
  { kind: 'step', id: 'b', text: '1 step', on: 'hive beta' },
  { kind: 'step', id: 'a1', text: 'uploading rbee', on: 'hive alpha' },
  { kind: 'progress', id: 'a1', done: 512 * 1024, total: 1024 * 1024, unit: 'bytes' },
  { kind: 'step', id: 'b1', text: 'starting llamacpp', on: 'hive beta' },
];
const ends: NarrationEvent[] = [
  { kind: 'done', id: 'a1', text: 'rbee is there', ms: 5 },
  { kind: 'step', id: 'a2', text: 'starting the hive', on: 'hive alpha' },
  { kind: 'done', id: 'a2', ms: 5 },
  { kind: 'done', id: 'a', text: '2 steps done' },
];

const printer = (screen: Screen) =>
  new HiveLines({ narration: screen, answer: screen, now: () => 0, formatPlan: () => 'the plan\n' });

describe('work on many machines, on a terminal', () => {
  it('is one line for each hive with its current step, below the plan', () => {
    const screen = recorder(true, 100);
    const lines = printer(screen);
    for (const event of sync) lines.event(event);
    const [done, table, alpha, beta, ...rest] = shown(screen.written);
    assert.equal(done, '✔ queen: looking at 2 machines (40 ms)');
    assert.equal(table, 'the plan');
    assert.match(alpha ?? '', /^\S alpha: uploading rbee {2}█{10}░{10} 50 % {2}512 KiB of 1 MiB$/);
    assert.match(beta ?? '', /^\S beta: starting llamacpp {2}0 ms$/);
    assert.deepEqual(rest, []);
    lines.close();
  });

  it('ends as a tick for a hive that is done, and as a cross for one that is not', () => {
    const screen = recorder(true, 100);
    const lines = printer(screen);
    for (const event of [...sync, ...ends]) lines.event(event);
    lines.close();
    assert.deepEqual(shown(screen.written).slice(2), ['✔ alpha: 2 steps done (0 ms)', '✖ beta: starting llamacpp', '']);
  });

  it('keeps warnings above the lines', () => {
    const screen = recorder(true, 100);
    const lines = printer(screen);
    for (const event of sync) lines.event(event);
    lines.event({ kind: 'warning', text: 'it is slow', on: 'hive alpha' });
    lines.close('failed');
    assert.equal(shown(screen.written)[2], '⚠ hive alpha: it is slow');
  });
});

describe('work on many machines, in a pipe', () => {
  it('is plain lines that begin with their hive, including the last lines', () => {
    const screen = recorder(false);
    const lines = printer(screen);
    for (const event of [...sync, ...ends]) lines.event(event);
    lines.close();
    const text = screen.written.split('\n');
    assert.ok(text.includes('the plan'));
    assert.ok(text.includes('hive alpha: uploading rbee'));
    assert.ok(text.includes('done: hive alpha: rbee is there (5 ms)'));
    assert.ok(text.includes('failed: hive beta: starting llamacpp'));
    assert.ok(!screen.written.includes('\u001b'));
  });
});
