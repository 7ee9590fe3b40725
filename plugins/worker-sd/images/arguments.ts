/** The arguments that both engines' programs share. Each is `--name=value`, so that a value can start with anything. */
import { numberBetween, parseArguments, wholeNumber } from '@rbee/worker-server';
import type { ServeOptions } from './serve.ts';

const text = { type: 'string' } as const;
const known = {
  alias: { type: 'string', multiple: true },
  host: { ...text, default: '127.0.0.1' },
  port: { ...text, default: '0' },
  'queue-limit': { ...text, default: '16' },
  'max-images': { ...text, default: '10' },
  'max-size': { ...text, default: '1024' },
  'max-steps': { ...text, default: '150' },
  steps: { ...text, default: '0' },
  guidance: { ...text, default: '-1' },
  size: { ...text, default: '0' },
  model: text,
  provider: text,
  threads: { ...text, default: '0' },
} as const;

export interface CommonArguments {
  serve: ServeOptions;
  /** The model and its provider; each program validates them itself. */
  model: string | undefined;
  provider: string | undefined;
  /** CPU threads; 0 means one per core. */
  threads: number;
  /** The arguments after `--`. */
  rest: readonly string[];
}

/** Throws a `StartError` that names the wrong argument. */
export const readCommonArguments = (argv: readonly string[]): CommonArguments => {
  const { values, rest } = parseArguments(argv, known);
  return {
    model: values.model,
    provider: values.provider,
    threads: wholeNumber('--threads', values.threads, 0, 1024),
    rest,
    serve: {
      names: values.alias ?? ['model'],
      host: values.host,
      port: wholeNumber('--port', values.port, 0, 65_535),
      queueLimit: wholeNumber('--queue-limit', values['queue-limit'], 0, 100_000),
      bounds: {
        images: wholeNumber('--max-images', values['max-images'], 1, 100),
        size: wholeNumber('--max-size', values['max-size'], 64, 8192),
        steps: wholeNumber('--max-steps', values['max-steps'], 1, 1000),
      },
      steps: wholeNumber('--steps', values.steps, 0, 1000),
      guidance: numberBetween('--guidance', values.guidance, -1, 100),
      size: wholeNumber('--size', values.size, 0, 8192),
    },
  };
};
