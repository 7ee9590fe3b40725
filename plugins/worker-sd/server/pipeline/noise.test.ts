import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Noise, philox } from './noise.ts';

describe('the random numbers of an image', () => {
  it('match the published test vectors of Philox 4x32-10', () => {
    const all = 0xffffffff;
    const hex = (words: readonly number[]) => words.map((word) => word.toString(16).padStart(8, '0')).join(' ');
    assert.equal(hex(philox([0, 0, 0, 0], [0, 0])), '6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    assert.equal(hex(philox([all, all, all, all], [all, all])), '408f276d 41c83b0e a20bc7c6 6d5451fd');
    assert.equal(
      hex(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])),
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    );
  });

  it('match those of CUDA for the same seed', () => {
    const first = [...new Noise(0).next(4)].map((value) => value.toFixed(4));
    assert.deepEqual(first, ['-0.9247', '-0.4253', '-2.6438', '0.1452']);
  });

  it('are normally distributed, and differ between seeds and rows', () => {
    const noise = new Noise(7);
    const [one, two] = [noise.next(20_000), noise.next(20_000)];
    const mean = one.reduce((sum, value) => sum + value, 0) / one.length;
    const variance = one.reduce((sum, value) => sum + value * value, 0) / one.length;
    assert.ok(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.04, `${mean} ${variance}`);
    assert.notDeepEqual(one, two);
    assert.notDeepEqual(one, new Noise(8).next(20_000));
    assert.notDeepEqual(one, new Noise(7 + 2 ** 32).next(20_000));
    assert.deepEqual(one, new Noise(7).next(20_000));
  });
});
