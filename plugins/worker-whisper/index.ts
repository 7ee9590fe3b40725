/** Whisper as a worker type: our own server on ONNX Runtime, or whisper.cpp's `whisper-server` behind an adapter. */
import type { WorkerType } from '@rbee/contract';
import { variants } from './binary.ts';
import { command } from './command.ts';
import { estimate } from './estimate.ts';
import { failures } from './failures.ts';
import { health, load, stop } from './health.ts';
import { options } from './options.ts';
import { selectFiles } from './select-files.ts';

export default {
  name: 'whisper',
  apiVersion: 1,
  summary: 'Whisper: transcription and translation of speech, from ONNX folders or ggml files, on CPU and CUDA',
  serves: [
    { path: '/v1/audio/transcriptions', kind: 'transcription' },
    { path: '/v1/audio/translations', kind: 'translation' },
  ],
  models: { formats: ['onnx-dir', 'ggml'], demo: 'models/demo' },
  options,
  variants,
  command,
  adapter: { script: 'dist/server/adapter.js', for: ['whisper-server'] },
  health,
  stop,
  load,
  estimate,
  selectFiles,
  failures,
} satisfies WorkerType;
