import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readBar } from './progress.ts';
import { remainingMs } from './sd-server.ts';

describe("sd-server's progress bars", () => {
  it('distinguish loading and drawing by unit', () => {
    assert.deepEqual(readBar('  |=====>      | 343/1131 - 123.45MB/s'), { kind: 'load', done: 343, total: 1131 });
    assert.deepEqual(readBar('  |=====>      | 3/20 - 1.23s/it'), {
      kind: 'draw',
      done: 3,
      total: 20,
      secondsPerStep: 1.23,
    });
    assert.deepEqual(readBar('  |==>| 5/20 - 4.00it/s'), { kind: 'draw', done: 5, total: 20, secondsPerStep: 0.25 });
    assert.equal(readBar('[INFO ] generating image: 1/1 - seed 42'), undefined);
    assert.equal(readBar(''), undefined);
  });

  it('show how long a drawing will take', () => {
    assert.equal(remainingMs({ kind: 'draw', done: 5, total: 20, secondsPerStep: 0.5 }, 20), 7500);
    assert.equal(remainingMs(undefined, 20), Number.POSITIVE_INFINITY);
  });
});
