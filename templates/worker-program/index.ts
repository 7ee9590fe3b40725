/** my-engine, a program of somebody else's, as a worker type. All of this is data and pure functions; the hive acts on it. */
import type { WorkerType } from '@rbee/contract';
import { variants } from './binary.ts';
import { command } from './command.ts';
import { estimate } from './estimate.ts';
import { failures } from './failures.ts';
import { health, stop } from './health.ts';
import { options } from './options.ts';

export default {
  name: 'my-engine',
  apiVersion: 1,
  summary: 'my-engine: GGUF models on CPU and CUDA',
  // The queen passes these paths on to a ready worker, byte by byte: they are the program's own.
  serves: [{ path: '/v1/chat/completions', kind: 'chat' }],
  models: { formats: ['gguf'] },
  options,
  variants,
  command,
  health,
  stop,
  estimate,
  failures,
} satisfies WorkerType;
