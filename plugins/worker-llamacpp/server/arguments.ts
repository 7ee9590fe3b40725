/** Parses the command line of the builtin server, which `command` writes. */
import { oneOf, parseArguments, required, wholeNumber } from '@rbee/worker-server';

export interface Arguments {
  model: string;
  /** Names under which the model is served, at least one. */
  names: readonly string[];
  host: string;
  port: number;
  gpu: 'cpu' | 'cuda' | 'vulkan' | 'metal';
  /** Tokens per slot. */
  context: number;
  slots: number;
  queueLimit: number;
  /** 0: one per performance core. */
  threads: number;
  batch: number;
  gpuLayers: 'auto' | 'max' | number;
  flashAttention: 'auto' | boolean;
  cacheTypeK: string;
  cacheTypeV: string;
  /** Empty: the model's own template. */
  chatTemplate: string;
  mmap: boolean;
  mlock: boolean;
}

const options = {
  model: { type: 'string' },
  alias: { type: 'string', default: '' },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '0' },
  gpu: { type: 'string', default: 'cpu' },
  context: { type: 'string', default: '4096' },
  slots: { type: 'string', default: '4' },
  'queue-limit': { type: 'string', default: '64' },
  threads: { type: 'string', default: '0' },
  batch: { type: 'string', default: '512' },
  'gpu-layers': { type: 'string', default: 'auto' },
  'flash-attention': { type: 'string', default: 'auto' },
  'cache-type-k': { type: 'string', default: 'f16' },
  'cache-type-v': { type: 'string', default: 'f16' },
  'chat-template': { type: 'string', default: '' },
  'no-mmap': { type: 'boolean', default: false },
  mlock: { type: 'boolean', default: false },
} as const;

/** Throws a `StartError` that names the wrong argument. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const { values } = parseArguments(argv, options);
  const gpu = oneOf('--gpu', values.gpu, ['cpu', 'cuda', 'vulkan', 'metal'] as const);
  const layers = values['gpu-layers'];
  const flash = oneOf('--flash-attention', values['flash-attention'], ['auto', 'on', 'off'] as const);
  const names = values.alias.split(',').filter((name) => name !== '');
  return {
    model: required('--model', values.model),
    names: names.length > 0 ? names : ['model'],
    host: values.host,
    port: wholeNumber('--port', values.port, 0, 65_535),
    gpu,
    context: wholeNumber('--context', values.context, 64, 4_194_304),
    slots: wholeNumber('--slots', values.slots, 1, 256),
    queueLimit: wholeNumber('--queue-limit', values['queue-limit'], 0, 100_000),
    threads: wholeNumber('--threads', values.threads, 0, 1024),
    batch: wholeNumber('--batch', values.batch, 1, 65_536),
    gpuLayers: layers === 'auto' ? 'auto' : layers === 'all' ? 'max' : wholeNumber('--gpu-layers', layers, 0, 9999),
    flashAttention: flash === 'auto' ? 'auto' : flash === 'on',
    cacheTypeK: values['cache-type-k'],
    cacheTypeV: values['cache-type-v'],
    chatTemplate: values['chat-template'],
    mmap: !values['no-mmap'],
    mlock: values.mlock,
  };
};
