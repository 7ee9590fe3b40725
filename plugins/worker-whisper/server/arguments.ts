/** Parses the command line of both servers, which `command` writes. */
import { oneOf, parseArguments, required, usageError, wholeNumber } from '@rbee/worker-server';
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
  /** Code of the default language; null to detect it. */
  language: string | null;
  chunkSeconds: number;
  slots: number;
  queueLimit: number;
  uploadBytes: number;
  /** 0: the engine chooses. */
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

/** Throws a `StartError` that names the wrong argument. Arguments after `--` are for the engine. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const { values, rest } = parseArguments(argv, options);
  const names = values.alias.split(',').filter((name) => name !== '');
  return {
    model: required('--model', values.model),
    names: names.length > 0 ? names : ['whisper'],
    host: values.host,
    port: wholeNumber('--port', values.port, 0, 65_535),
    device: oneOf('--device', values.device, ['cpu', 'cuda'] as const),
    dtype: oneOf('--dtype', values.dtype, ['auto', ...dtypes] as const),
    language: language(values.language),
    chunkSeconds: wholeNumber('--chunk-seconds', values['chunk-seconds'], 5, 600),
    slots: wholeNumber('--slots', values.slots, 1, 16),
    queueLimit: wholeNumber('--queue-limit', values['queue-limit'], 0, 10_000),
    uploadBytes: wholeNumber('--max-upload-mb', values['max-upload-mb'], 1, 16_384) * 1024 * 1024,
    threads: wholeNumber('--threads', values.threads, 0, 1024),
    temperatureFallback: !values['no-temperature-fallback'],
    engine: rest,
  };
};

const language = (text: string): string | null => {
  if (text.toLowerCase() === 'auto') return null;
  const code = languageCode(text);
  if (code === undefined) throw usageError(`--language: Whisper does not know the language "${text}"`);
  return code;
};
