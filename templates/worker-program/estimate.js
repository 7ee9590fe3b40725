/** How much memory a worker needs. Err on the high side: a worker that does not fit is refused before it starts. */
/** @import { LaunchRequest, MemoryEstimate, ModelFacts } from '@rbee/contract' */

const mebibyte = 2 ** 20;
/** The program without a model, and one token of context. Measure yours. */
const programBytes = 100 * mebibyte;
const tokenBytes = 16 * 1024;

/**
 * @param {ModelFacts} model
 * @param {LaunchRequest} launch
 * @returns {MemoryEstimate}
 */
export const estimate = (model, { variant, options }) => {
  const loaded = model.bytes + Number(options['context']) * tokenBytes;
  return variant === 'cpu' ? { ram: programBytes + loaded, vram: 0 } : { ram: programBytes, vram: loaded };
};
