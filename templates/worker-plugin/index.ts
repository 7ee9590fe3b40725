/** my-engine as a worker type. Everything here is data and pure functions; the hive does what it describes. */
import type { WorkerType } from '@rbee/contract';
import { variants } from './binary.ts';
import { command } from './command.ts';
import { failures } from './failures.ts';
import { health, load, stop } from './health.ts';
import { options } from './options.ts';

export default {
  name: 'my-engine',
  apiVersion: 1,
  summary: 'A tiny engine that says back what it is told',
  // The queen passes these paths on to a ready worker, by the `model` of the request. Any path will do.
  serves: [
    { path: '/v1/chat/completions', kind: 'chat' },
    { path: '/v1/my-engine', kind: 'other' },
  ],
  // An engine that loads files says so here: models: { formats: ['gguf'] }
  options,
  variants,
  command,
  health,
  stop,
  load,
  failures,
} satisfies WorkerType;
