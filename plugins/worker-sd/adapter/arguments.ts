/** Parses the adapter's command line, which `command` writes. */
import { usageError } from '@rbee/worker-server';
import { readCommonArguments } from '../images/arguments.ts';
import type { ServeOptions } from '../images/serve.ts';

export interface Arguments {
  serve: ServeOptions;
  /** A file for sd-server, or the folder of an ONNX pipeline. */
  model: string;
  /** onnxruntime's provider for the worker's device; `none` if it has none. */
  provider: string;
  threads: number;
  /** sd-server and its arguments, without host and port. */
  engine: readonly string[];
}

/** Throws a `StartError` that names the wrong argument. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const { serve, model = '', provider = 'none', threads, rest } = readCommonArguments(argv);
  if (rest.length === 0) throw usageError('the program that draws must follow --');
  return { serve, model, provider, threads, engine: rest };
};
