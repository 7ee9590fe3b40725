/** The demo model as the files of its folder. */
import { decoder, encoder } from './networks.ts';
import { settings } from './vocabulary.ts';

/** Contents by path, always the same bytes. */
export const whisperModel = (): Readonly<Record<string, Buffer>> => ({
  ...Object.fromEntries(
    Object.entries(settings()).map(([name, value]) => [name, Buffer.from(`${JSON.stringify(value)}\n`)]),
  ),
  'onnx/encoder_model.onnx': encoder(),
  'onnx/decoder_model_merged.onnx': decoder(),
});
