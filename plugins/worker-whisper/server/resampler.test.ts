import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tone } from '../test/sounds.ts';
import { createResampler } from './resampler.ts';

/** The complete sound, split into pieces of these lengths in turn. */
const resample = (samples: Float32Array, from: number, to: number, cuts: number[] = [samples.length]): Float32Array => {
  const resampler = createResampler(from, to);
  const made: number[] = [];
  let at = 0;
  for (let turn = 0; at < samples.length; turn += 1) {
    const length = cuts[turn % cuts.length] ?? samples.length;
    made.push(...resampler.push(samples.subarray(at, at + length)));
    at += length;
  }
  made.push(...resampler.end());
  return Float32Array.from(made);
};

/** Loudness as root mean square, without the ends. */
const loudness = (samples: Float32Array) => {
  const middle = samples.subarray(2000, samples.length - 2000);
  return Math.sqrt(middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length);
};

describe('the resampler', () => {
  it('preserves a tone, from every common rate', () => {
    for (const rate of [8000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]) {
      const made = resample(tone(1, { rate, hertz: 440 }), rate, 16_000);
      assert.equal(made.length, 16_000, `${rate} Hz`);
      const wanted = tone(1, { rate: 16_000, hertz: 440 });
      const worst = made.reduce((most, sample, at) => {
        const inside = at > 200 && at < made.length - 200;
        return inside ? Math.max(most, Math.abs(sample - (wanted[at] ?? 0))) : most;
      }, 0);
      assert.ok(worst < 1e-3, `${rate} Hz is ${worst} off`);
    }
  });

  it('passes speech and removes what would alias', () => {
    for (const [hertz, passes] of [
      [100, true],
      [3000, true],
      [6500, true],
      [9000, false],
      [12_000, false],
      [20_000, false],
    ] as const) {
      const made = loudness(resample(tone(1, { rate: 44_100, hertz, level: 1 }), 44_100, 16_000));
      if (passes) assert.ok(Math.abs(made - Math.SQRT1_2) < 0.005, `${hertz} Hz: ${made}`);
      else assert.ok(made < 1e-3, `${hertz} Hz: ${made}`);
    }
  });

  it('preserves a constant', () => {
    const made = resample(new Float32Array(44_100).fill(0.5), 44_100, 16_000);
    assert.ok(made.subarray(100, -100).every((sample) => Math.abs(sample - 0.5) < 1e-6));
  });

  it('gives the same result however the sound is split', () => {
    const sound = tone(0.3, { rate: 44_100, hertz: 1000 });
    const whole = resample(sound, 44_100, 16_000);
    assert.deepEqual(resample(sound, 44_100, 16_000, [1]), whole);
    assert.deepEqual(resample(sound, 44_100, 16_000, [7, 1000, 3]), whole);
  });

  it('passes through sound at the right rate, and handles empty input', () => {
    const sound = tone(0.1);
    assert.equal(createResampler(16_000, 16_000).push(sound), sound);
    assert.equal(resample(new Float32Array(0), 48_000, 16_000).length, 0);
    assert.equal(resample(new Float32Array(1), 8000, 16_000).length, 2);
  });
});
