/** my-engine as a worker type. Everything here is data and pure functions; the hive does what it describes. */
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
};

export default type;
