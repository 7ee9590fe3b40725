/** Memory that a worker will need. Rough on purpose, and rather too much than too little. */
import type { LaunchRequest, MemoryEstimate, ModelFacts } from '@rbee/contract';
import { withDefaults } from './options.ts';

const mebibyte = 1024 * 1024;
/** The HTTP server, an engine process of each kind without a model, and what CUDA takes for itself; measured or known. */
const serverBytes = 120 * mebibyte;
const engineBytes = 200 * mebibyte;
const decoderBytes = 90 * mebibyte;
const cudaBytes = 500 * mebibyte;
/** Weights are rearranged as they are loaded, and what is heard takes its room beside them. */
const weightFactor = 1.4;

export const estimate = (model: ModelFacts, launch: LaunchRequest): MemoryEstimate => {
  const { slots } = withDefaults(launch.options);
  // whisper-server works through one file at a time.
  const isOnnx = launch.binary.id === 'onnx';
  const engines = isOnnx ? slots : 1;
  const weights = model.bytes * weightFactor;
  const programs = serverBytes + engines * engineBytes + (isOnnx ? 0 : decoderBytes);
  if (launch.variant === 'cpu') return { ram: Math.ceil(programs + engines * weights), vram: 0 };
  return {
    // They pass through main memory, one engine after another.
    ram: Math.ceil(programs + model.bytes),
    vram: Math.ceil(engines * (weights + cudaBytes)),
  };
};
