/** The builtin engine: serves llama.cpp through node-llama-cpp with OpenAI's API. */
import { runWorkerServer, StartError } from '@rbee/worker-server';
import { readArguments } from './arguments.ts';
import { chatRoute } from './chat.ts';
import { completionRoute } from './completion.ts';
import { embeddingRoute } from './embeddings.ts';
import { type Engine, loadEngine } from './engine.ts';

const name = 'llamacpp';

const main = async () => {
  const options = readArguments(process.argv.slice(2));
  await runWorkerServer<Engine>({
    name,
    host: options.host,
    port: options.port,
    models: options.names,
    slots: options.slots,
    queueLimit: options.queueLimit,
    routes: [chatRoute, completionRoute, embeddingRoute],
    load: (context) => loadEngine(options, context),
    unload: (engine) => engine.close(),
    describe: ({ facts }) => ({ owned_by: 'llamacpp', meta: facts }),
    // llama-server's names, so that a hive reads both engines in the same way.
    gauges: [
      { name: 'llamacpp:requests_processing', help: 'Requests that run', value: ({ running }) => running },
      { name: 'llamacpp:requests_deferred', help: 'Requests that wait', value: ({ waiting }) => waiting },
    ],
    env: process.env,
  });
};

try {
  await main();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`${name}: error: ${error.message}\n`);
  process.exit(error.exitCode);
}
