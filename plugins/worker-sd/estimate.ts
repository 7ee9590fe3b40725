/** Estimates a worker's memory: roughly, and on the high side. */
import type { LaunchRequest, MemoryEstimate, ModelFacts } from '@rbee/contract';
import { withDefaults } from './options.ts';

const mebibyte = 1024 * 1024;
/** The program without a model, measured. */
const programBytes = 190 * mebibyte;
/** Factor for onnxruntime's reordered copy of the weights and its buffers. */
const builtinShare = 1.25;
/** Bytes per pixel while the VAE decodes an image, in 32-bit floats. */
const pixelBytes = 6 * 1024;
const defaultSize = 512;
/** Share of text encoders and VAE in a complete model; with `offload` they stay in main memory. */
const offloadedShare = 0.4;

export const estimate = (model: ModelFacts, launch: LaunchRequest): MemoryEstimate => {
  const options = withDefaults(launch.options);
  const size = Math.min(options.size > 0 ? options.size : defaultSize, options.max_size);
  // A small model has small intermediate results, whatever the image size.
  const picture = 16 * mebibyte + Math.min(size * size * pixelBytes, model.bytes / 2);
  const weights = model.bytes * (launch.binary.id === 'builtin' ? builtinShare : 1);
  if (launch.variant === 'cpu') return { ram: Math.ceil(programBytes + weights + picture), vram: 0 };
  const onDevice = options.offload && launch.binary.id !== 'builtin' ? weights * (1 - offloadedShare) : weights;
  return {
    ram: Math.ceil(programBytes + (options.offload ? weights : 0)),
    vram: Math.ceil(onDevice + picture),
  };
};
