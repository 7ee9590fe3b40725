/** my-engine as a worker type: data and pure functions. The hive acts on them. */
/** @import { WorkerType } from '@rbee/contract' */
import { variants } from './binary.js';
import { command } from './command.js';
import { failures } from './failures.js';
import { health, load, stop } from './health.js';
import { options } from './options.js';

/** @satisfies {WorkerType} */
const type = {
  name: 'my-engine',
  apiVersion: 1,
  summary: 'A tiny engine that repeats what you say',
  // The queen forwards these paths to a ready worker, chosen by the request's `model`. Any path is allowed.
  serves: [
    { path: '/v1/chat/completions', kind: 'chat' },
    { path: '/v1/my-engine', kind: 'other' },
  ],
  // If the engine loads model files, add: models: { formats: ['gguf'] }
  options,
  variants,
  command,
  health,
  stop,
  load,
  failures,
};

export default type;
