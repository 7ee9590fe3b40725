import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSilent, LoopLag } from './liveness.ts';

describe('the silence of a hive', () => {
  it('begins after three missed ticks', () => {
    assert.equal(isSilent({ at: 1_000, lag: 0 }, 4_000, 0), false);
    assert.equal(isSilent({ at: 1_000, lag: 0 }, 4_001, 0), true);
  });

  it('does not count time in which the queen itself was suspended', () => {
    const lag = new LoopLag(250, 0);
    lag.measure(250);
    const last = { at: 250, lag: lag.total };
    // Suspended for ten seconds; the timer fires before the queued ticks are read.
    assert.equal(isSilent(last, 10_250, lag.measure(10_250)), false);
    lag.measure(10_500);
    assert.equal(isSilent(last, 13_100, lag.measure(13_100)), false, 'another long pause');
  });

  it('counts ordinary time in full', () => {
    const lag = new LoopLag(250, 0);
    for (let now = 250; now <= 5_000; now += 250) lag.measure(now);
    assert.equal(lag.total, 0);
    assert.equal(isSilent({ at: 0, lag: 0 }, 5_000, lag.total), true);
  });
});
