/** Stable Diffusion as a worker type: `sd-server` of stable-diffusion.cpp for files, our onnxruntime pipeline for folders. */
import type { WorkerType } from '@rbee/contract';
import { probes, variants } from './binary.ts';
import { command } from './command.ts';
import { components } from './components.ts';
import { estimate } from './estimate.ts';
import { failures } from './failures.ts';
import { health, load, stop } from './health.ts';
import { options } from './options.ts';
import { selectFiles } from './select-files.ts';

export default {
  name: 'sd',
  apiVersion: 1,
  summary: 'Stable Diffusion: images from prompts and from images, on CPU, CUDA, Vulkan, Metal and ROCm',
  serves: [
    { path: '/v1/images/generations', kind: 'image' },
    { path: '/v1/images/edits', kind: 'image' },
  ],
  models: { formats: ['onnx-dir', 'gguf', 'safetensors'], components, demo: 'models/demo' },
  options,
  variants,
  probes,
  command,
  adapter: { script: 'dist/adapter/main.js', for: ['sd-server'] },
  health,
  stop,
  load,
  estimate,
  selectFiles,
  failures,
} satisfies WorkerType;
