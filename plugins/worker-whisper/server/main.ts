/** The worker's program for ONNX folders: serves Whisper on ONNX Runtime with OpenAI's API. */
import { checkOnnxModel } from './check-model.ts';
import { startEngines } from './engines.ts';
import { endWith, runWhisper } from './run.ts';

/** For models smaller than this, a second thread makes things slower. */
const tinyModel = 16 * 1024 * 1024;

await runWhisper(
  async (options, context) => {
    const { folder, dtype, bytes } = checkOnnxModel(options.model, options.dtype);
    const { device, chunkSeconds, temperatureFallback } = options;
    const threads = options.threads || (bytes < tinyModel ? 1 : 0);
    return startEngines(
      { kind: 'onnx', folder, dtype, device, threads, chunkSeconds, temperatureFallback },
      options.slots,
      context,
      endWith,
    );
  },
  ({ slots }) => slots,
);
