/** The worker's program: parses its command line, and serves the engine until it is asked to stop. */
import { parseArgs } from 'node:util';
import { exitCodes, runWorkerServer } from '@rbee/worker-server';
import { loadEngine } from './engine.js';
import { chatRoute, ownRoute } from './routes.js';

const name = 'my-engine';

/**
 * @param {string} sentence
 * @returns {never}
 */
const fail = (sentence) => {
  process.stderr.write(`${name}: error: ${sentence}\n`);
  process.exit(exitCodes.usage);
};

const readArguments = () => {
  try {
    const { values } = parseArgs({
      options: {
        names: { type: 'string', default: name },
        host: { type: 'string', default: '127.0.0.1' },
        port: { type: 'string', default: '0' },
        greeting: { type: 'string', default: 'You said:' },
        slots: { type: 'string', default: '4' },
      },
    });
    return values;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
};

const given = readArguments();
const slots = Number(given.slots);
if (!Number.isInteger(slots) || slots < 1) fail('the option --slots must be a whole number');

await runWorkerServer({
  name,
  host: given.host,
  port: Number(given.port),
  models: given.names.split(','),
  slots,
  queueLimit: 64,
  routes: [chatRoute, ownRoute],
  load: ({ progress }) => loadEngine(given.greeting, progress),
  env: process.env,
});
