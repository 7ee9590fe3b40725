/** Pseudo-random numbers that are the same on every machine: an integer hash, without floating-point functions. */

/** Numbers between -1 and 1 in steps of 1/128, which a 32-bit float holds exactly. */
export const noise = (length: number, seed: number, scale = 1): Float32Array =>
  Float32Array.from({ length }, (_, index) => (((hash(seed, index) >>> 24) - 128) / 128) * scale);

/** From 0 to 2^32 - 1. */
const hash = (seed: number, index: number): number => {
  let mixed = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39) >>> 0;
  return (mixed ^ (mixed >>> 15)) >>> 0;
};
