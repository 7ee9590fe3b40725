/** Converts sound to another sampling rate, with a polyphase windowed sinc filter. */

export interface Resampler {
  /** Returns what can be computed so far. Where the input is split makes no difference. */
  push(samples: Float32Array): Float32Array;
  /** Returns the rest, with silence after the end. */
  end(): Float32Array;
}

/** Zero crossings of the sinc on each side; with the window below, aliases are 80 dB down. */
const crossings = 24;
const kaiserBeta = 8;
/** Share of the narrower band that passes, before the filter's slope. */
const passband = 0.94;

export const createResampler = (from: number, to: number): Resampler => {
  if (from === to) return { push: (samples) => samples, end: () => new Float32Array(0) };
  const divisor = greatestCommonDivisor(from, to);
  /** Output sample n is at input position n * step / phases. */
  const phases = to / divisor;
  const step = from / divisor;
  const half = Math.ceil(crossings * Math.max(1, from / to));
  const filters = makeFilters(phases, half, passband * Math.min(1, to / from));
  const taps = 2 * half;
  /** Input from position `start` on; silence precedes the first sample. */
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
      // The last output whose taps are all within the input so far.
      return compute(input, Math.max(made, Math.ceil(((received - half) * phases) / step)));
    },
    end: () => compute(joined(new Float32Array(half)), Math.ceil((received * phases) / step)),
  };
};

/** The taps of all phases: a low pass at `cutoff` (1 is half the input's rate), shifted by the phase. */
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
    // Normalise, so that a constant stays constant in every phase.
    for (let tap = 0; tap < taps; tap += 1) filters[phase * taps + tap] = (filters[phase * taps + tap] ?? 0) / total;
  }
  return filters;
};

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const kaiser = (x: number) => (Math.abs(x) >= 1 ? 0 : bessel(kaiserBeta * Math.sqrt(1 - x * x)) / bessel(kaiserBeta));

/** The modified Bessel function of order zero, as a series. */
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
