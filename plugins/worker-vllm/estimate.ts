/**
 * Minimum memory of a worker: with less it does not start. vLLM takes more, up to its share of each GPU, to cache more
 * requests.
 */
import type { LaunchRequest, MemoryEstimate, ModelFacts } from '@rbee/contract';
import { type Options, withDefaults } from './options.ts';

const gibibyte = 2 ** 30;
/** The program without weights: its processes, the CUDA context, its work space. */
const programRam = 2 * gibibyte;
const ramPerDevice = gibibyte;
const contextPerDevice = gibibyte;
const graphsPerDevice = gibibyte;
/** Tokens to assume if max_model_len is 0: the model's own length is not known here. */
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

/** Keys and values of one request, or the configured cache size. */
const cacheBytes = (model: ModelFacts, options: Options, devices: number): number => {
  if (options.kv_cache_memory > 0) return options.kv_cache_memory * devices;
  const tokens = options.max_model_len || assumedTokens;
  return tokens * tokenBytes(model.bytes) * (options.kv_cache_dtype.startsWith('fp8') ? 0.5 : 1);
};

/** Bytes per token. Grows with depth and width of a model, so with the root of its size: 128 KiB for 16 GiB of weights. */
const tokenBytes = (weights: number): number => 1024 * (48 + 80 * Math.sqrt(weights / (16 * gibibyte)));
