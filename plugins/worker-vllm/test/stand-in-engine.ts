/** The stand-in's EngineCore: a separate process that loads the model and holds the GPU. It is the one that can be left over. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sayAs, shardBar } from './stand-in-log.ts';
import { mayGoOn, readModel } from './stand-in-model.ts';

export const runEngine = async (folder: string): Promise<void> => {
  const say = sayAs('EngineCore', 'gpu_model_runner.py');
  const { architectures, stand_in: behaviour } = readModel(folder) ?? { architectures: [], stand_in: {} };
  // So that `ps` shows it under its own name, as with vLLM.
  process.title = 'VLLM::EngineCore';
  process.on('SIGTERM', () => {
    if (!behaviour.clinging) process.exit(0);
  });
  // Without its server it exits, unless the model says that it clings.
  process.on('disconnect', () => {
    if (!behaviour.clinging) process.exit(0);
  });
  // Keeps a clinging engine alive.
  setInterval(() => {}, 1_000_000);
  say(`Starting to load model ${folder}...`);
  const shards = behaviour.shards ?? 2;
  process.stderr.write(shardBar(0, shards));
  for (let shard = 1; shard <= shards; shard += 1) {
    while (behaviour.steps && !mayGoOn(folder, shard)) await sleep(5);
    process.stderr.write(shardBar(shard, shards));
  }
  say('Loading weights took 0.01 seconds');
  say(`Model loading took 0.01 GiB memory and 0.02 seconds (${architectures.join(', ')})`);
  process.stderr.write(
    '\rCapturing CUDA graphs (decode, FULL):   0%|          | 0/3\rCapturing CUDA graphs: 100%|██| 3/3\n',
  );
  say('Available KV cache memory: 4.8 GiB');
  say('GPU KV cache size: 36,432 tokens');
  say('init engine (profile, create kv cache, warmup model) took 0.05 seconds');
  process.send?.('ready');
};
