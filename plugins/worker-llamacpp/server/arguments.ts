/** The command line of the builtin server, as `command` writes it. */
import { parseArgs } from 'node:util';
import { exitCodes, StartError } from '@rbee/worker-server';

export interface Arguments {
  model: string;
  /** Names under which the model is served, at least one. */
  names: readonly string[];
  host: string;
  port: number;
  gpu: 'cpu' | 'cuda' | 'vulkan' | 'metal';
  /** Tokens of one slot. */
  context: number;
  slots: number;
  queueLimit: number;
  /** 0: as many as there are good cores. */
  threads: number;
  batch: number;
  gpuLayers: 'auto' | 'max' | number;
  flashAttention: 'auto' | boolean;
  cacheTypeK: string;
  cacheTypeV: string;
  /** Empty: the model's own. */
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

/** Throws a `StartError` that names the argument. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const values = parse(argv);
  const model = values.model;
  if (model === undefined || model === '') throw usage('--model is required');
  const gpu = oneOf('--gpu', values.gpu, ['cpu', 'cuda', 'vulkan', 'metal'] as const);
  const layers = values['gpu-layers'];
  const flash = oneOf('--flash-attention', values['flash-attention'], ['auto', 'on', 'off'] as const);
  const names = values.alias.split(',').filter((name) => name !== '');
  return {
    model,
    names: names.length > 0 ? names : ['model'],
    host: values.host,
    port: whole('--port', values.port, 0, 65_535),
    gpu,
    context: whole('--context', values.context, 64, 4_194_304),
    slots: whole('--slots', values.slots, 1, 256),
    queueLimit: whole('--queue-limit', values['queue-limit'], 0, 100_000),
    threads: whole('--threads', values.threads, 0, 1024),
    batch: whole('--batch', values.batch, 1, 65_536),
    gpuLayers: layers === 'auto' ? 'auto' : layers === 'all' ? 'max' : whole('--gpu-layers', layers, 0, 9999),
    flashAttention: flash === 'auto' ? 'auto' : flash === 'on',
    cacheTypeK: values['cache-type-k'],
    cacheTypeV: values['cache-type-v'],
    chatTemplate: values['chat-template'],
    mmap: !values['no-mmap'],
    mlock: values.mlock,
  };
};

const parse = (argv: readonly string[]) => {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    throw usage((cause as Error).message, cause);
  }
};

const whole = (name: string, text: string, least: number, most: number) => {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usage(`${name} must be a whole number from ${least} to ${most}, not "${text}"`);
};

const oneOf = <Choice extends string>(name: string, text: string, choices: readonly Choice[]): Choice => {
  const choice = choices.find((one) => one === text);
  if (choice === undefined) throw usage(`${name} must be one of ${choices.join(', ')}, not "${text}"`);
  return choice;
};

const usage = (problem: string, cause?: unknown) => new StartError(exitCodes.usage, problem, { cause });
