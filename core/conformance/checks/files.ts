/** Which files of a model repository are downloaded for the type. */
import type { RepositoryFile } from '../../contract/worker-type/worker-type.ts';
import { answerShapes, shapeProblem } from '../../worker-types/description.ts';
import { assert, attempt, shown } from '../assert.ts';
import { someFiles } from '../calls.ts';
import type { Check } from '../check.ts';
import type { PluginUnderTest } from '../plugin-under-test.ts';
import { defaultOptions } from '../samples.ts';

const named = (paths: readonly string[]): RepositoryFile[] => paths.map((path) => ({ path, bytes: 1_000 }));

/** Typical repositories, by content. */
const repositories: Readonly<Record<string, readonly RepositoryFile[]>> = {
  'a repository of many formats': someFiles,
  'a GGUF repository': named(['README.md', 'm-Q2_K.gguf', 'm-Q4_K_M.gguf', 'm-F16.gguf', 'mmproj-m.gguf']),
  'a split GGUF model': named(['Q8_0/m-00001-of-00002.gguf', 'Q8_0/m-00002-of-00002.gguf']),
  'an unconverted model': named([
    'config.json',
    'model.safetensors.index.json',
    'model-00001-of-00002.safetensors',
    'model-00002-of-00002.safetensors',
    'pytorch_model.bin',
    'tokenizer.json',
  ]),
  'an ONNX export': named([
    'config.json',
    'onnx/encoder_model.onnx',
    'onnx/encoder_model_q4.onnx',
    'onnx/model.onnx_data',
  ]),
  'a pipeline in folders': named([
    'model_index.json',
    'unet/model.onnx',
    'unet/model.onnx_data',
    'vae_decoder/model.onnx',
    'scheduler/scheduler_config.json',
  ]),
};

/** Listings of malformed repositories. */
const oddListings: Readonly<Record<string, readonly RepositoryFile[]>> = {
  'no files at all': [],
  'only a README': named(['README.md']),
  'empty files': ['config.json', 'model.onnx', 'model.safetensors', 'm.gguf'].map((path) => ({ path, bytes: 0 })),
  'odd names': named([
    '',
    '.',
    '__proto__',
    'constructor',
    'a b/ü (1).onnx',
    '$(reboot).gguf',
    `${'x'.repeat(900)}.onnx`,
    '.onnx',
    'ONNX',
  ]),
  'the same file twice': named(['model.onnx', 'model.onnx']),
  'ten thousand files': named(Array.from({ length: 10_000 }, (_, index) => `shards/model-${index}.onnx`)),
};

const chosenOf = ({ type }: PluginUnderTest, what: string, files: readonly RepositoryFile[]): readonly string[] => {
  const chosen = attempt(`selectFiles for ${what}`, () => type.selectFiles?.(files, defaultOptions(type)));
  const problem = shapeProblem(answerShapes.selectFiles, chosen);
  assert(problem === undefined && chosen !== undefined, `selectFiles for ${what} returns ${shown(chosen)}: ${problem}`);
  return chosen;
};

const each = (
  plugin: PluginUnderTest,
  cases: Readonly<Record<string, readonly RepositoryFile[]>>,
  look: (what: string, chosen: readonly string[], files: readonly RepositoryFile[]) => void,
): void => {
  for (const [what, files] of Object.entries(cases)) look(what, chosenOf(plugin, what, files), files);
};

const onlyGiven = (what: string, chosen: readonly string[], files: readonly RepositoryFile[]): void => {
  const paths = new Set(files.map(({ path }) => path));
  const invented = chosen.find((path) => !paths.has(path));
  assert(invented === undefined, `selectFiles for ${what} returns ${shown(invented)}, which is not in the repository`);
};

export const fileChecks = [
  {
    id: 'files.known',
    title: 'it chooses only files that the repository has',
    needs: ['selectFiles'],
    check: (plugin) => each(plugin, repositories, onlyGiven),
  },
  {
    id: 'files.once',
    title: 'it chooses no file twice',
    needs: ['selectFiles'],
    check: (plugin) =>
      each(plugin, repositories, (what, chosen) => {
        const twice = chosen.find((path, index) => chosen.indexOf(path) !== index);
        assert(twice === undefined, `selectFiles for ${what} returns ${shown(twice)} twice`);
      }),
  },
  {
    id: 'files.order',
    title: 'its choice does not depend on the order of the listing',
    needs: ['selectFiles'],
    check: (plugin) =>
      each(plugin, repositories, (what, chosen, files) => {
        const again = chosenOf(plugin, `${what} in reverse order`, files.toReversed());
        const same = JSON.stringify([...chosen].sort()) === JSON.stringify([...again].sort());
        assert(same, `selectFiles for ${what} returns ${shown(chosen)}, in reverse order ${shown(again)}`);
      }),
  },
  {
    id: 'files.odd-listings',
    title: 'an empty, strange or very long listing breaks nothing',
    needs: ['selectFiles'],
    check: (plugin) => each(plugin, oddListings, onlyGiven),
  },
] as const satisfies readonly Check[];
