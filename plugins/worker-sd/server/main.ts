/** The builtin engine: serves a Stable Diffusion pipeline on onnxruntime with OpenAI's image API. */
import { exitCodes } from '@rbee/worker-server';
import { serve } from '../images/serve.ts';
import { readArguments } from './arguments.ts';
import { startPainter } from './painter.ts';

await serve(() => {
  const options = readArguments(process.argv.slice(2));
  const { model, provider, threads } = options;
  return [
    options.serve,
    ({ signal, progress, log }) =>
      startPainter({
        model,
        provider,
        threads,
        signal,
        progress,
        log,
        onDeath: (reason) => {
          process.stderr.write(`sd: error: ${reason}\n`);
          process.exit(exitCodes.failed);
        },
      }),
  ];
});
