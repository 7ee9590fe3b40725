/** The command line of the builtin server, as `command` writes it. */
import { oneOf, parseArguments, usage, whole } from '../images/arguments.ts';
import type { ServeOptions } from '../images/serve.ts';

export interface Arguments {
  serve: ServeOptions;
  /** Folder of the model. */
  model: string;
  /** Where onnxruntime computes. */
  provider: (typeof providers)[number];
  /** CPU threads; 0 for one each core. */
  threads: number;
}

const providers = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const;

/** Throws a `StartError` that names the argument. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const { serve, own, rest } = parseArguments(argv, ['model', 'provider', 'threads']);
  if (own['model'] === undefined || own['model'] === '') throw usage('--model is required');
  if (rest.length > 0) throw usage(`the builtin engine takes no parts of a model beside its folder: ${rest.join(' ')}`);
  return {
    serve,
    model: own['model'],
    provider: oneOf('--provider', own['provider'] ?? 'cpu', providers),
    threads: whole('--threads', own['threads'] ?? '0', 0, 1024),
  };
};
