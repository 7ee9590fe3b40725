/** my-engine, an existing program, as a worker type: data and pure functions. The hive acts on them. */
/** @import { WorkerType } from '@rbee/contract' */
import { variants } from './binary.js';
import { command } from './command.js';
import { estimate } from './estimate.js';
import { failures } from './failures.js';
import { health, stop } from './health.js';
import { options } from './options.js';

/** @satisfies {WorkerType} */
const type = {
  name: 'my-engine',
  apiVersion: 1,
  summary: 'my-engine: GGUF models on CPU and CUDA',
  // The queen forwards requests on these paths unchanged: they are the program's own.
  serves: [{ path: '/v1/chat/completions', kind: 'chat' }],
  models: { formats: ['gguf'] },
  options,
  variants,
  command,
  health,
  stop,
  estimate,
  failures,
};

export default type;
