/** The worker's program for ONNX folders: Whisper on ONNX Runtime behind OpenAI's API. */
import { checkOnnxModel } from './check-model.ts';
import { startEngines } from './engines.ts';
import { endWith, runWhisper } from './run.ts';

/** Bytes below which a second thread costs more than it gives. */
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
