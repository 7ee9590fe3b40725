/** ComfyUI as a worker type: its own API, and OpenAI's image API on top of a workflow. */
import type { WorkerType } from '@rbee/contract';
import { variants } from './binary.ts';
import { command } from './command.ts';
import { failures } from './failures.ts';
import { health, load, stop } from './health.ts';
import { options } from './options.ts';
import { ownPaths } from './own-paths.ts';

export default {
  name: 'comfyui',
  apiVersion: 1,
  summary: 'ComfyUI: image workflows on CUDA, ROCm and CPU, by its own API and by that of OpenAI',
  serves: [{ path: '/v1/images/generations', kind: 'image' }, ...ownPaths],
  models: { formats: ['safetensors'], optional: true },
  options,
  variants,
  command,
  adapter: { script: 'dist/server/main.js' },
  health,
  stop,
  load,
  failures,
} satisfies WorkerType;
