/**
 * Memory that a worker needs at least: with less it does not start. vLLM takes more on top, up to its share of each GPU,
 * for the cache of more requests.
 */
import type { LaunchRequest, MemoryEstimate, ModelFacts } from '@rbee/contract';
import { type Options, withDefaults } from './options.ts';

const gibibyte = 2 ** 30;
/** Of the program, without weights: its processes, the CUDA context, what it computes with. */
const programRam = 2 * gibibyte;
const ramPerDevice = gibibyte;
const contextPerDevice = gibibyte;
const graphsPerDevice = gibibyte;
/** Tokens for which there must be room when the length is left to the model, whose files do not tell it here. */
const assumedTokens = 4096;

export const estimate = (model: ModelFacts, launch: LaunchRequest): MemoryEstimate => {
  const options = withDefaults(launch.options);
  if (launch.variant === 'cpu') {
    return { ram: Math.ceil(model.bytes + options.cpu_kv_cache_gib * gibibyte + programRam), vram: 0 };
  }
  const devices = Math.max(1, launch.device.indices.length);
  const offloaded = Math.min(model.bytes, options.cpu_offload_gib * gibibyte * devices);
  const graphs = options.enforce_eager ? 0 : graphsPerDevice;
  return {
    ram: Math.ceil(programRam + devices * ramPerDevice + offloaded),
    vram: Math.ceil(
      model.bytes - offloaded + cacheBytes(model, options, devices) + devices * (contextPerDevice + graphs),
    ),
  };
};

/** Keys and values of one request, or as much as was asked for. */
const cacheBytes = (model: ModelFacts, options: Options, devices: number): number => {
  if (options.kv_cache_memory > 0) return options.kv_cache_memory * devices;
  const tokens = options.max_model_len || assumedTokens;
  return tokens * tokenBytes(model.bytes) * (options.kv_cache_dtype.startsWith('fp8') ? 0.5 : 1);
};

/** Grows with the depth and width of a model, so with the root of its size: 128 KiB for weights of 16 GiB. */
const tokenBytes = (weights: number): number => 1024 * (48 + 80 * Math.sqrt(weights / (16 * gibibyte)));
