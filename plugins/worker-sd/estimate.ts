/** Memory that a worker will need. Rough on purpose, and rather too much than too little. */
import type { LaunchRequest, MemoryEstimate, ModelFacts } from '@rbee/contract';
import { withDefaults } from './options.ts';

const mebibyte = 1024 * 1024;
/** The program without a model, measured. */
const programBytes = 190 * mebibyte;
/** Of onnxruntime's copy of the weights in the order in which it computes, and of buffers that it keeps. */
const builtinShare = 1.25;
/** For each pixel of a picture while the VAE decodes it, in 32-bit floats. */
const pixelBytes = 6 * 1024;
const usualSize = 512;
/** Of the text encoders and the VAE in a whole model; they stay in main memory with `offload`. */
const offloadedShare = 0.4;

export const estimate = (model: ModelFacts, launch: LaunchRequest): MemoryEstimate => {
  const options = withDefaults(launch.options);
  const size = Math.min(options.size > 0 ? options.size : usualSize, options.max_size);
  // A small model has small intermediate results, whatever the size of the picture.
  const picture = 16 * mebibyte + Math.min(size * size * pixelBytes, model.bytes / 2);
  const weights = model.bytes * (launch.binary.id === 'builtin' ? builtinShare : 1);
  if (launch.variant === 'cpu') return { ram: Math.ceil(programBytes + weights + picture), vram: 0 };
  const onDevice = options.offload && launch.binary.id !== 'builtin' ? weights * (1 - offloadedShare) : weights;
  return {
    ram: Math.ceil(programBytes + (options.offload ? weights : 0)),
    vram: Math.ceil(onDevice + picture),
  };
};
