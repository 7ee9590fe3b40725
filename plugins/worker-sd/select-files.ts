/** Selects the files of a model from its repository, which often contains the same weights for several programs. */
import type { RepositoryFile } from '@rbee/contract';
import { withDefaults } from './options.ts';

/** The ONNX pipeline, or else one file for sd-server, or else nothing. */
export const selectFiles = (
  files: readonly RepositoryFile[],
  given: Readonly<Record<string, unknown>>,
): readonly string[] => {
  const { engine } = withDefaults(given);
  const pipeline = engine === 'sd-server' ? [] : pipelineFiles(files.map(({ path }) => path));
  if (pipeline.length > 0 || engine === 'builtin') return pipeline;
  const file = singleFile(files);
  if (file !== undefined) return splitParts(file, files);
  return pipelineFiles(files.map(({ path }) => path));
};

const networks = ['text_encoder', 'text_encoder_2', 'unet', 'vae_decoder', 'vae_encoder'];
const others = ['scheduler', 'tokenizer', 'tokenizer_2'];
/** The same weights, for other programs. */
const otherWeights = /\.(safetensors|bin|msgpack|h5|pt|pth|ckpt|xml|mlmodelc?|mlpackage|tflite|gguf)(\.index\.json)?$/i;

/** Weights can be beside a network under any name (`model.onnx_data`, `weights.pb`, one file per tensor). */
const pipelineFiles = (paths: readonly string[]): string[] => {
  const isThere = networks
    .slice(2, 4)
    .every((name) => paths.some((path) => isIn(path, name) && path.endsWith('.onnx')));
  if (!isThere || !paths.includes('model_index.json')) return [];
  const parts = networks.flatMap((name) => networkFiles(paths.filter((path) => isIn(path, name))));
  const small = paths.filter((path) => others.some((name) => isIn(path, name)) && !otherWeights.test(path));
  return ['model_index.json', ...small, ...parts];
};

const isIn = (path: string, folder: string) =>
  path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/');

/** From several exports of one network: the plain one, or else the first, without the data of the others. */
const networkFiles = (paths: readonly string[]): string[] => {
  const exported = paths.filter((path) => path.endsWith('.onnx')).sort();
  const chosen = exported.find((path) => path.endsWith('/model.onnx')) ?? exported[0];
  const unwanted = exported.filter((path) => path !== chosen);
  return paths.filter((path) => {
    if (otherWeights.test(path) || unwanted.includes(path)) return false;
    return !unwanted.some((one) => path.startsWith(`${one}_data`) || path.startsWith(`${one}.data`));
  });
};

/** First those that look like the original, then ever smaller ones. */
const quantizations = [
  'q8_0',
  'q6_k',
  'q5_k',
  'q5_1',
  'q5_0',
  'q4_k',
  'q4_1',
  'q4_0',
  'f16',
  'bf16',
  'q3_k',
  'q2_k',
  'f32',
];

const singleFile = (files: readonly RepositoryFile[]): string | undefined => {
  // Files in folders belong to a pipeline, or not to the model.
  const top = files.filter(({ path }) => !path.includes('/') && !/vae|lora|control|clip|t5xxl|upscale/i.test(path));
  const quantized = top.filter(({ path }) => path.endsWith('.gguf'));
  for (const name of quantizations) {
    const found = quantized.find(({ path }) => path.toLowerCase().includes(name));
    if (found !== undefined) return found.path;
  }
  const whole = quantized.length > 0 ? quantized : top.filter(({ path }) => path.endsWith('.safetensors'));
  return [...whole].sort((one, two) => one.bytes - two.bytes || (one.path < two.path ? -1 : 1))[0]?.path;
};

/** All parts of a split file, in order. */
const splitParts = (file: string, files: readonly RepositoryFile[]): string[] => {
  const [, stem, count, ending] = /^(.+)-\d{5}-of-(\d{5})(\.\w+)$/.exec(file) ?? [];
  if (stem === undefined) return [file];
  const parts = files
    .map(({ path }) => path)
    .filter((path) => path.startsWith(`${stem}-`) && path.endsWith(`-of-${count}${ending}`));
  return [...new Set(parts)].sort();
};
