/** Starts the adapter with the stand-in, or with a folder that looks like ComfyUI's. */
import { join } from 'node:path';
import { launchWorker as launch, resolveType, type TestLaunch, type TestWorker } from '@rbee/test/plugin-worker';
import type from '../index.ts';

export { until } from '@rbee/test/plugin-worker';
export type Worker = TestWorker;

export interface WorkerRequest extends Pick<TestLaunch, 'options' | 'cwd'> {
  model?: string;
  /** The program that is ComfyUI; not needed with the option `directory`. */
  program?: string;
}

const plugin = resolveType(type);
const script = join(import.meta.dirname, '../server/main.ts');

export const launchWorker = ({ options, model, program, ...rest }: WorkerRequest): Promise<Worker> =>
  launch({
    type: plugin,
    argv: [process.execPath, script],
    binary: {
      id: program === undefined ? 'folder' : 'program',
      kind: 'path',
      path: program ?? script,
      argv: [program ?? script],
    },
    models: model === undefined ? {} : { main: model },
    names: ['tiny'],
    options: { size: '64x64', steps: 4, ...options },
    ...rest,
  });
