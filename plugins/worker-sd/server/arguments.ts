/** Parses the command line of the builtin server, which `command` writes. */
import { oneOf, required, usageError } from '@rbee/worker-server';
import { readCommonArguments } from '../images/arguments.ts';
import type { ServeOptions } from '../images/serve.ts';

export interface Arguments {
  serve: ServeOptions;
  /** The model's folder. */
  model: string;
  /** onnxruntime's provider. */
  provider: (typeof providers)[number];
  /** CPU threads; 0 means one per core. */
  threads: number;
}

const providers = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const;

/** Throws a `StartError` that names the wrong argument. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const { serve, model, provider = 'cpu', threads, rest } = readCommonArguments(argv);
  if (rest.length > 0)
    throw usageError(`the builtin engine takes a model folder without components, not: ${rest.join(' ')}`);
  return {
    serve,
    model: required('--model', model),
    provider: oneOf('--provider', provider, providers),
    threads,
  };
};
