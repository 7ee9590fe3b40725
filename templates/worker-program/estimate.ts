/** Memory that a worker will need: rather too much than too little, since what does not fit is refused before it starts. */
import type { LaunchRequest, MemoryEstimate, ModelFacts } from '@rbee/contract';

const mebibyte = 2 ** 20;
/** The program without a model, and what one token of context takes. Measure yours. */
const programBytes = 100 * mebibyte;
const tokenBytes = 16 * 1024;

export const estimate = (model: ModelFacts, { variant, options }: LaunchRequest): MemoryEstimate => {
  const loaded = model.bytes + Number(options['context']) * tokenBytes;
  return variant === 'cpu' ? { ram: programBytes + loaded, vram: 0 } : { ram: programBytes, vram: loaded };
};
