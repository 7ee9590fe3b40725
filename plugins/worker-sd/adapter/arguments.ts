/** The command line of the adapter, as `command` writes it. */
import { usageError } from '@rbee/worker-server';
import { readCommonArguments } from '../images/arguments.ts';
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
  const { serve, model = '', provider = 'none', threads, rest } = readCommonArguments(argv);
  if (rest.length === 0) throw usageError('name the program that draws after --');
  return { serve, model, provider, threads, engine: rest };
};
