/** Brings sound to another sampling rate: a windowed sinc in as many phases as the two rates need. */

export interface Resampler {
  /** Gives what can be computed so far. The pieces together are the sound, wherever it was cut. */
  push(samples: Float32Array): Float32Array;
  /** The rest, with silence after the end. */
  end(): Float32Array;
}

/** Zero crossings of the sinc on each side; with the window below, what would alias is 80 dB down. */
const crossings = 24;
const kaiserBeta = 8;
/** Share of the narrower band that is kept whole, less the slope of the filter. */
const passband = 0.94;

export const createResampler = (from: number, to: number): Resampler => {
  if (from === to) return { push: (samples) => samples, end: () => new Float32Array(0) };
  const divisor = greatestCommonDivisor(from, to);
  /** Output sample n stands at input position n * step / phases. */
  const phases = to / divisor;
  const step = from / divisor;
  const half = Math.ceil(crossings * Math.max(1, from / to));
  const filters = makeFilters(phases, half, passband * Math.min(1, to / from));
  const taps = 2 * half;
  /** Input from position `start` on; before the first sample there is silence. */
  let kept: Float32Array = new Float32Array(half - 1);
  let start = 1 - half;
  let made = 0;
  let received = 0;

  const compute = (input: Float32Array, count: number): Float32Array => {
    const output = new Float32Array(Math.max(0, count - made));
    for (let n = 0; n < output.length; n += 1) {
      const position = (made + n) * step;
      const filter = (position % phases) * taps;
      const first = Math.floor(position / phases) - half + 1 - start;
      let sum = 0;
      for (let tap = 0; tap < taps; tap += 1) sum += (filters[filter + tap] ?? 0) * (input[first + tap] ?? 0);
      output[n] = sum;
    }
    made += output.length;
    const needed = Math.floor((made * step) / phases) - half + 1;
    kept = input.slice(Math.max(0, needed - start));
    start = Math.max(start, needed);
    return output;
  };

  const joined = (samples: Float32Array) => {
    const input = new Float32Array(kept.length + samples.length);
    input.set(kept);
    input.set(samples, kept.length);
    return input;
  };

  return {
    push: (samples) => {
      received += samples.length;
      const input = joined(samples);
      // The last output whose taps all lie within what has come.
      return compute(input, Math.max(made, Math.ceil(((received - half) * phases) / step)));
    },
    end: () => compute(joined(new Float32Array(half)), Math.ceil((received * phases) / step)),
  };
};

/** The taps of each phase, one after another: a low pass at `cutoff` (1 is half the input's rate), shifted by the phase. */
const makeFilters = (phases: number, half: number, cutoff: number): Float32Array => {
  const taps = 2 * half;
  const filters = new Float32Array(phases * taps);
  for (let phase = 0; phase < phases; phase += 1) {
    let total = 0;
    for (let tap = 0; tap < taps; tap += 1) {
      const distance = phase / phases - (tap - half + 1);
      const value = cutoff * sinc(cutoff * distance) * kaiser(distance / half);
      filters[phase * taps + tap] = value;
      total += value;
    }
    // A constant stays that constant in every phase.
    for (let tap = 0; tap < taps; tap += 1) filters[phase * taps + tap] = (filters[phase * taps + tap] ?? 0) / total;
  }
  return filters;
};

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const kaiser = (x: number) => (Math.abs(x) >= 1 ? 0 : bessel(kaiserBeta * Math.sqrt(1 - x * x)) / bessel(kaiserBeta));

/** The modified Bessel function of order zero, by its series. */
const bessel = (x: number) => {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-12 * sum; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
};

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));
