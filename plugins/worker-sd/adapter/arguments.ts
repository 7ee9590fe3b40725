/** The command line of the adapter, as `command` writes it. */
import { parseArguments, usage } from '../images/arguments.ts';
import type { ServeOptions } from '../images/serve.ts';

export interface Arguments {
  serve: ServeOptions;
  /** File for sd-server, or folder of an ONNX pipeline. */
  model: string;
  /** Where onnxruntime computes on the worker's device; `none` where it cannot. */
  provider: string;
  threads: number;
  /** sd-server and its arguments, without address and port. */
  engine: readonly string[];
}

/** Throws a `StartError` that names the argument. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const { serve, own, rest } = parseArguments(argv, ['model', 'provider', 'threads']);
  if (rest.length === 0) throw usage('the program that draws is missing behind --');
  return {
    serve,
    model: own['model'] ?? '',
    provider: own['provider'] ?? 'none',
    threads: Number(own['threads'] ?? 0),
    engine: rest,
  };
};
