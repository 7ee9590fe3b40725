/** The program of the worker: reads its command line, and serves the engine until it is asked to stop. */
import { parseArgs } from 'node:util';
import { exitCodes, runWorkerServer } from '@rbee/worker-server';
import { type Engine, loadEngine } from './engine.ts';
import { chatRoute, ownRoute } from './routes.ts';

const name = 'my-engine';

const fail = (sentence: string): never => {
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
    return fail((error as Error).message);
  }
};

const given = readArguments();
const slots = Number(given.slots);
if (!Number.isInteger(slots) || slots < 1) fail('the option --slots must be a whole number');

await runWorkerServer<Engine>({
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
