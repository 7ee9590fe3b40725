/** Starts the stand-in with the plugin's command line for vLLM. */
import { join } from 'node:path';
import { launchWorker as launch, resolveType, type TestWorker } from '@rbee/test/plugin-worker';
import type from '../index.ts';

export { freePort, until } from '@rbee/test/plugin-worker';
export type Worker = TestWorker;

const plugin = resolveType(type);
const script = join(import.meta.dirname, 'vllm-stand-in.ts');
const argv = [process.execPath, script];

export const launchWorker = (
  model: string,
  options: Readonly<Record<string, unknown>> = {},
  port?: number,
): Promise<Worker> =>
  launch({
    type: plugin,
    argv,
    binary: { id: 'vllm', kind: 'path', path: script, argv },
    models: { main: model },
    variant: 'cuda',
    names: ['tiny', 'tiny:latest'],
    options,
    ...(port !== undefined && { port }),
  });
