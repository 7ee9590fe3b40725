/**
 * An engine process: reads, decodes and transcribes one file at a time for the HTTP server that started it. It is a separate
 * process because all of this blocks.
 */
import './without-images.ts';
import { AudioError } from './audio-error.ts';
import { type Decoding, decodeAudio } from './decode-audio.ts';
import { loadFailure } from './load-failure.ts';
import type { EngineStart, FromEngine, ToEngine } from './messages.ts';
import { type Recogniser, UnsupportedError } from './recogniser.ts';
import { transcribe } from './transcribe.ts';
import type { TranscriptionRequest } from './transcript.ts';
import { createWindows, type Windows } from './windows.ts';

class Cancelled extends Error {
  override readonly name = 'Cancelled';
}

const tell = (message: FromEngine) => void process.send?.(message);

const load = async (start: EngineStart): Promise<Recogniser> => {
  if (start.kind === 'onnx') {
    const { createOnnxRecogniser } = await import('./onnx-recogniser.ts');
    return createOnnxRecogniser({ ...start, onProgress: (fraction) => tell({ kind: 'progress', fraction }) });
  }
  const { createWhisperServerRecogniser } = await import('./whisper-server-recogniser.ts');
  return createWhisperServerRecogniser(start);
};

const run = async (recogniser: Recogniser, path: string, request: TranscriptionRequest, signal: AbortSignal) => {
  let decoding: Decoding | undefined;
  let windows: Windows | undefined;
  try {
    const audio = await decodeAudio(path);
    decoding = audio;
    if (audio.warning !== undefined) tell({ kind: 'warning', message: audio.warning });
    windows = createWindows(audio.samples);
    const transcribed = await transcribe(recogniser, windows, request, {
      signal,
      onHeard: (heard, seconds) => tell({ kind: 'heard', heard, seconds, share: audio.progress() }),
    });
    tell({ kind: 'done', transcribed });
  } catch (thrown) {
    tell(signal.aborted ? { kind: 'cancelled' } : problem(thrown));
  } finally {
    await windows?.close().catch(() => {});
    await decoding?.close().catch(() => {});
  }
};

const problem = (thrown: unknown): FromEngine => {
  if (thrown instanceof AudioError) {
    return { kind: 'refused', message: thrown.message, param: 'file', code: thrown.code };
  }
  if (thrown instanceof UnsupportedError) {
    return { kind: 'refused', message: thrown.message, param: thrown.param, code: 'unsupported_parameter' };
  }
  return { kind: 'broken', message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) };
};

// The server has ended, so nothing needs an answer anymore.
process.on('disconnect', () => process.exit(0));
// The server ends its engines itself; a signal to the group is for the server.
process.on('SIGTERM', () => {});
process.on('SIGINT', () => {});

try {
  const recogniser = await load(JSON.parse(process.argv[2] ?? '{}') as EngineStart);
  let running = new AbortController();
  process.on('message', (message: ToEngine) => {
    if (message.kind === 'cancel') running.abort(new Cancelled('cancelled'));
    else {
      running = new AbortController();
      void run(recogniser, message.path, message.request, running.signal);
    }
  });
  tell({ kind: 'ready' });
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.stack : thrown}\n`);
  tell({ kind: 'failed', ...loadFailure(thrown) });
}
