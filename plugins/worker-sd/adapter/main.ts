/** The server in front of `sd-server` from stable-diffusion.cpp: OpenAI's image API, health, queue and cancellation. */
import { statSync } from 'node:fs';
import { exitCodes, type LoadContext, StartError } from '@rbee/worker-server';
import type { Painter } from '../images/painter.ts';
import { serve } from '../images/serve.ts';
import { startPainter } from '../server/painter.ts';
import { type Arguments, readArguments } from './arguments.ts';
import { startSdServer } from './sd-server.ts';

/** sd-server cannot read ONNX pipelines, and only the model itself shows that it is one. */
const startBuiltin = ({ model, provider, threads }: Arguments, context: LoadContext): Promise<Painter> => {
  if (provider === 'none') {
    const problem = 'ONNX pipelines do not run on this device: sd-server reads gguf and safetensors files';
    throw new StartError(exitCodes.badModel, `the model ${model} is not supported here: ${problem}`);
  }
  context.log('sd-server cannot read ONNX pipelines: the builtin engine draws');
  return startPainter({ model, provider, threads, ...context, onDeath: end });
};

const end = (reason: string) => {
  process.stderr.write(`sd: error: ${reason}\n`);
  process.exit(exitCodes.failed);
};

await serve(() => {
  const options = readArguments(process.argv.slice(2));
  const isFolder = statSync(options.model, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return [options.serve, (context) => (isFolder ? startBuiltin(options, context) : startSdServer(options, context))];
});
