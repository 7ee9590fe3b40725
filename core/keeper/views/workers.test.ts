import assert from 'node:assert/strict';
import { it } from 'node:test';
import { workerWith } from '../../queen/testing.ts';
import { formatWorker } from './workers.ts';

const terminal = { width: Number.POSITIVE_INFINITY, rows: 24, live: false, colour: false, unicode: true };

it('shows the options of a worker that were set, and how many have their defaults', () => {
  const options = { 'context-length': 4096, slots: 4, 'flash-attention': 'auto' };
  const shown = (givenOptions?: string[]) =>
    formatWorker(workerWith({ options, ...(givenOptions && { givenOptions }) }), terminal)
      .split('\n')
      .map((line) => line.trim());
  const one = shown(['slots']);
  assert.ok(
    one.some((line) => /^options +slots=4$/.test(line)) && one.includes('2 more at their defaults (--json shows them)'),
  );
  assert.ok(shown([]).some((line) => /^options +3 at their defaults \(--json shows them\)$/.test(line)));
  // A hive of an earlier version does not report which.
  assert.ok(shown().includes('slots=4') && !shown().join().includes('defaults'));
});
