/** node-llama-cpp in a script, without a server: prompt in, text out, optionally several sequences at once. */
import { getLlama, type LlamaContextSequence, type LlamaModel } from 'node-llama-cpp';

export type DirectRequest =
  | { load: { model: string; context: number; sequences: number } }
  | { run: { prompt: string; streams: number; length: number } };

export interface DirectAnswer {
  /** Tokens per answer. */
  counts: number[];
  ms: number;
}

let model: LlamaModel;
let sequences: LlamaContextSequence[] = [];

const load = async (options: { model: string; context: number; sequences: number }): Promise<DirectAnswer> => {
  const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, progressLogs: false });
  model = await llama.loadModel({ modelPath: options.model });
  const context = await model.createContext({
    sequences: options.sequences,
    contextSize: options.context,
    batchSize: 512,
    threads: 1,
  });
  sequences = Array.from({ length: options.sequences }, () => context.getSequence());
  return { counts: [], ms: 0 };
};

const run = async (options: { prompt: string; streams: number; length: number }): Promise<DirectAnswer> => {
  const begun = performance.now();
  const counts = await Promise.all(sequences.slice(0, options.streams).map((one) => answer(one, options)));
  return { counts, ms: performance.now() - begun };
};

const answer = async (
  sequence: LlamaContextSequence,
  { prompt, length }: { prompt: string; length: number },
): Promise<number> => {
  await sequence.clearHistory();
  let count = 0;
  let said = '';
  for await (const token of sequence.evaluate(model.tokenize(prompt, true), { temperature: 0 })) {
    said += model.detokenize([token]);
    count += 1;
    if (count === length) break;
  }
  if (said === '') throw new Error('it says nothing');
  return count;
};

process.on('message', async (request: DirectRequest) => {
  process.send?.('load' in request ? await load(request.load) : await run(request.run));
});
process.once('disconnect', () => process.exit());
