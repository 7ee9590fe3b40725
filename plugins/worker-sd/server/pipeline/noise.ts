/**
 * The random numbers of an image: Philox 4x32 with ten rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2,
 * 3", 2011), and the Box-Muller transform. It uses only integers, and functions that V8 computes in software, so that a seed
 * gives the same noise on every machine. CUDA uses the same generator, so seeds match programs that draw with CUDA.
 */

/** Independent rows of normal numbers for one image: the first is the initial noise, later ones are for the steps. */
export class Noise {
  readonly #seed: bigint;
  #row = 0;

  /** `seed`: a whole number from 0 to 2^53 - 1. */
  constructor(seed: number) {
    this.#seed = BigInt(seed);
  }

  /** The next row, with mean 0 and standard deviation 1. */
  next(length: number): Float32Array {
    const row = this.#row++;
    const key = [Number(this.#seed & 0xffffffffn), Number(this.#seed >> 32n)] as const;
    return Float32Array.from({ length }, (_, index) => {
      const [first, second] = philox([row, 0, index, 0], key);
      return normal(first, second);
    });
  }
}

const multipliers = [0xd2511f53, 0xcd9e8d57] as const;
const keySteps = [0x9e3779b9, 0xbb67ae85] as const;
const rounds = 10;

type Four = readonly [number, number, number, number];

/** Four random 32-bit numbers for a counter and a key. */
export const philox = (counter: Four, key: readonly [number, number]): Four => {
  let [a, b, c, d] = counter;
  let [low, high] = key;
  for (let round = 0; round < rounds; round++) {
    const [aHigh, aLow] = product(a, multipliers[0]);
    const [cHigh, cLow] = product(c, multipliers[1]);
    [a, b, c, d] = [(cHigh ^ b ^ low) >>> 0, cLow, (aHigh ^ d ^ high) >>> 0, aLow];
    low = (low + keySteps[0]) >>> 0;
    high = (high + keySteps[1]) >>> 0;
  }
  return [a, b, c, d];
};

/** The two halves of a 64-bit product, from products of 16-bit halves, which a double holds exactly. */
const product = (one: number, two: number): [high: number, low: number] => {
  const [a, b] = [one >>> 16, one & 0xffff];
  const [c, d] = [two >>> 16, two & 0xffff];
  const middle = b * c + ((b * d) >>> 16);
  const carried = a * d + (middle % 0x10000);
  const high = a * c + Math.floor(middle / 0x10000) + Math.floor(carried / 0x10000);
  return [high >>> 0, Math.imul(one, two) >>> 0];
};

const scale = 2 ** -32;

const normal = (first: number, second: number): number => {
  const radius = Math.sqrt(-2 * Math.log(first * scale + scale / 2));
  return radius * Math.sin(2 * Math.PI * (second * scale + scale / 2));
};
