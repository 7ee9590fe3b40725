/** The server in front of ComfyUI: OpenAI's image API on top of a workflow, and ComfyUI's own API unchanged. */
import { runWorkerServer, StartError } from '@rbee/worker-server';
import { readArguments } from './arguments.ts';
import { type Comfy, startComfy } from './comfy.ts';
import { imageRoute } from './images.ts';
import { ownRoutes } from './own-routes.ts';
import { readWorkflow } from './workflow.ts';

const name = 'comfyui';

try {
  const options = readArguments(process.argv.slice(2), process.env);
  const workflow = readWorkflow(options);
  let comfy: Comfy | undefined;
  await runWorkerServer<Comfy>({
    name,
    host: options.host,
    port: options.port,
    models: options.names,
    // ComfyUI runs one prompt at a time. Requests that wait here can still go to another worker.
    slots: 1,
    queueLimit: options.queueLimit,
    bodyLimit: 64 * 2 ** 20,
    routes: [imageRoute(options, workflow), ...ownRoutes],
    load: async (context) => {
      comfy = await startComfy(options, context);
      return comfy;
    },
    unload: (started) => started.close(),
    gauges: [
      {
        name: 'comfyui_prompts_running',
        help: 'Prompts that ComfyUI works on',
        value: () => comfy?.queue.running ?? 0,
      },
      {
        name: 'comfyui_prompts_waiting',
        help: 'Prompts in the queue of ComfyUI',
        value: () => comfy?.queue.waiting ?? 0,
      },
    ],
    env: process.env,
  });
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`${name}: error: ${error.message}\n`);
  process.exit(error.exitCode);
}
