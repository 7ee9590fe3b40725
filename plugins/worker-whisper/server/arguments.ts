/** The command line of both servers, as `command` writes it. */
import { parseArgs } from 'node:util';
import { exitCodes, StartError } from '@rbee/worker-server';
import { type Dtype, dtypes } from '../dtypes.ts';
import { languageCode } from './languages.ts';

export interface Arguments {
  model: string;
  /** Names under which the model is served, at least one. */
  names: readonly string[];
  host: string;
  port: number;
  device: 'cpu' | 'cuda';
  dtype: 'auto' | Dtype;
  /** Code of the language of requests that name none; null to find out. */
  language: string | null;
  chunkSeconds: number;
  slots: number;
  queueLimit: number;
  uploadBytes: number;
  /** 0: left to the engine. */
  threads: number;
  temperatureFallback: boolean;
  /** The engine's own program and arguments, for the adapter. */
  engine: readonly string[];
}

const options = {
  model: { type: 'string' },
  alias: { type: 'string', default: '' },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '0' },
  device: { type: 'string', default: 'cpu' },
  dtype: { type: 'string', default: 'auto' },
  language: { type: 'string', default: 'auto' },
  'chunk-seconds': { type: 'string', default: '30' },
  slots: { type: 'string', default: '1' },
  'queue-limit': { type: 'string', default: '16' },
  'max-upload-mb': { type: 'string', default: '1024' },
  threads: { type: 'string', default: '0' },
  'no-temperature-fallback': { type: 'boolean', default: false },
} as const;

/** Throws a `StartError` that names the argument. What follows `--` is the engine's. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const { values, positionals } = parse(argv);
  if (values.model === undefined || values.model === '') throw usage('--model is required');
  const names = values.alias.split(',').filter((name) => name !== '');
  return {
    model: values.model,
    names: names.length > 0 ? names : ['whisper'],
    host: values.host,
    port: whole('--port', values.port, 0, 65_535),
    device: oneOf('--device', values.device, ['cpu', 'cuda'] as const),
    dtype: oneOf('--dtype', values.dtype, ['auto', ...dtypes] as const),
    language: language(values.language),
    chunkSeconds: whole('--chunk-seconds', values['chunk-seconds'], 5, 600),
    slots: whole('--slots', values.slots, 1, 16),
    queueLimit: whole('--queue-limit', values['queue-limit'], 0, 10_000),
    uploadBytes: whole('--max-upload-mb', values['max-upload-mb'], 1, 16_384) * 1024 * 1024,
    threads: whole('--threads', values.threads, 0, 1024),
    temperatureFallback: !values['no-temperature-fallback'],
    engine: positionals,
  };
};

const parse = (argv: readonly string[]) => {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (cause) {
    throw usage((cause as Error).message, cause);
  }
};

const language = (text: string): string | null => {
  if (text.toLowerCase() === 'auto') return null;
  const code = languageCode(text);
  if (code === undefined) throw usage(`--language: Whisper does not know the language "${text}"`);
  return code;
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
