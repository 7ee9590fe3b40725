/** llama.cpp as a worker type: `llama-server` if the machine has one, otherwise our server on node-llama-cpp. */
import type { WorkerType } from '@rbee/contract';
import { probes, variants } from './binary.ts';
import { checkOptions, command } from './command.ts';
import { diagnose } from './diagnose.ts';
import { estimate } from './estimate.ts';
import { failures } from './failures.ts';
import { health, load, stop } from './health.ts';
import { options } from './options.ts';
import { abilities, serves, slots, unserved } from './serves.ts';

export default {
  name: 'llamacpp',
  apiVersion: 1,
  summary: 'llama.cpp: GGUF chat, completion and embedding models on CPU, CUDA, ROCm, Vulkan and Metal',
  serves,
  unserved,
  abilities,
  slots,
  models: { formats: ['gguf'], demo: 'models/demo.gguf' },
  options,
  variants,
  probes,
  command,
  health,
  stop,
  load,
  estimate,
  checkOptions,
  failures,
  diagnose,
} satisfies WorkerType;
