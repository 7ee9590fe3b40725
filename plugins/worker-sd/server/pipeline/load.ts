/** Loads a model's pipeline into memory. */
import { join } from 'node:path';
import { exitCodes, StartError } from '@rbee/worker-server';
import { type ModelFolder, readModelFolder } from './model-folder.ts';
import { type SamplerName, samplerFor } from './samplers.ts';
import { readSchedule, type Schedule } from './schedule.ts';
import { type Network, openNetwork, type SessionOptions } from './session.ts';
import { loadTokenizer, type TextTokenizer } from './tokenizer.ts';

export interface Pipeline {
  folder: ModelFolder;
  schedule: Schedule;
  /** The sampler that corresponds to the model's own scheduler. */
  sampler: SamplerName;
  text: readonly { encoder: Network; tokenizer: TextTokenizer }[];
  unet: Network;
  decoder: Network;
  encoder: Network | undefined;
  close(): Promise<void>;
}

/** Throws a `StartError` that says what is wrong with the model, the device or the memory. */
export const loadPipeline = async (
  path: string,
  options: SessionOptions,
  progress: (fraction: number) => void,
): Promise<Pipeline> => {
  const folder = readModelFolder(path);
  const files = [...folder.text.map(({ encoder }) => encoder), folder.decoder, folder.encoder, folder.unet];
  const schedule = attempt('scheduler/scheduler_config.json', () => readSchedule(folder.scheduler));
  const tokenizers = folder.text.map(({ tokenizer }) => attempt(tokenizer, () => loadTokenizer(tokenizer)));
  const opened: Network[] = [];
  let loaded = 0;
  const open = async (file: string): Promise<Network> => {
    const network = await openNetwork(file, options).catch((cause) => {
      throw loadError(file, options.provider, cause);
    });
    opened.push(network);
    loaded += 1;
    progress(loaded / files.filter((one) => one !== undefined).length);
    return network;
  };
  const encoders: Network[] = [];
  for (const { encoder } of folder.text) encoders.push(await open(encoder));
  const decoder = await open(folder.decoder);
  const encoder = folder.encoder === undefined ? undefined : await open(folder.encoder);
  const unet = await open(folder.unet);
  if (unet.inputs.includes('timestep_cond')) {
    const what = 'a UNet that was distilled with its guidance (LCM)';
    throw new StartError(exitCodes.badModel, `the model ${path} is not supported: it is ${what}`);
  }
  return {
    folder,
    schedule,
    sampler: samplerFor(folder.scheduler),
    text: encoders.map((network, index) => ({ encoder: network, tokenizer: tokenizers[index]! })),
    unet,
    decoder,
    encoder,
    close: async () => {
      for (const network of opened) await network.close();
    },
  };
};

const attempt = <Result>(what: string, make: () => Result): Result => {
  try {
    return make();
  } catch (cause) {
    throw new StartError(exitCodes.badModel, `${what} cannot be used: ${(cause as Error).message}`, { cause });
  }
};

/** onnxruntime reports errors as text only, so the kind of error must be guessed from it. */
const loadError = (file: string, provider: string, cause: unknown): StartError => {
  const said = (cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, ' ').trim();
  const short = said.length > 400 ? `${said.slice(0, 400)}...` : said;
  if (/bad_alloc|out of memory|allocat\w+ (?:memory|buffer|failed)|BFCArena|CUDA failure 2\b/i.test(said)) {
    return new StartError(exitCodes.memory, `there is not enough memory for ${file}: ${short}`, { cause });
  }
  if (
    /AppendExecutionProvider|providers_(?:cuda|shared)|Failed to load shared library|CUDA failure|no available backend|WebGPU|adapter/i.test(
      said,
    )
  ) {
    return new StartError(exitCodes.unavailable, `onnxruntime cannot use ${provider}: ${short}`, { cause });
  }
  return new StartError(exitCodes.badModel, `the model file ${file} cannot be used: ${short}`, { cause });
};

/** The names of a model's parts are paths below its folder. */
export const partOf = (folder: ModelFolder, file: string): string =>
  file.startsWith(folder.path) ? file.slice(join(folder.path, '/').length) : file;
