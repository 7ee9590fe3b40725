/** Estimates a worker's memory: roughly, and on the high side. */
import type { LaunchRequest, MemoryEstimate, ModelFacts } from '@rbee/contract';
import { withDefaults } from './options.ts';

const mebibyte = 1024 * 1024;
/** Measured: the HTTP server, an engine process of each kind without a model, and CUDA's own memory. */
const serverBytes = 120 * mebibyte;
const engineBytes = 200 * mebibyte;
const decoderBytes = 90 * mebibyte;
const cudaBytes = 500 * mebibyte;
/** Factor for weights that are rearranged while loading, and for intermediate results. */
const weightFactor = 1.4;

export const estimate = (model: ModelFacts, launch: LaunchRequest): MemoryEstimate => {
  const { slots } = withDefaults(launch.options);
  // whisper-server transcribes one file at a time.
  const isOnnx = launch.binary.id === 'onnx';
  const engines = isOnnx ? slots : 1;
  const weights = model.bytes * weightFactor;
  const programs = serverBytes + engines * engineBytes + (isOnnx ? 0 : decoderBytes);
  if (launch.variant === 'cpu') return { ram: Math.ceil(programs + engines * weights), vram: 0 };
  return {
    // Weights go through main memory, one engine after another.
    ram: Math.ceil(programs + model.bytes),
    vram: Math.ceil(engines * (weights + cudaBytes)),
  };
};
