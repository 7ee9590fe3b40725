/** The estimate of a worker's memory. */
import type { ResolvedType } from '../../contract/worker-type/resolved-type.ts';
import type { MemoryEstimate, ModelFacts } from '../../contract/worker-type/worker-type.ts';
import { answerShapes, shapeProblem } from '../../worker-types/description.ts';
import { assert, attempt, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import { type LaunchCase, launchesOf, modelFacts } from '../samples.ts';

const mebibyte = 2 ** 20;

const estimateOf = (type: ResolvedType, { what, launch }: LaunchCase, model: Partial<ModelFacts>): MemoryEstimate => {
  const facts = { ...modelFacts(type), ...model };
  const { variant, device, options, binary } = launch;
  const request = { variant, device, options, binary: { id: binary.id } };
  const name = `estimate for ${what} of ${facts.bytes} bytes`;
  const estimate = attempt(name, () => type.estimate?.(facts, request));
  const problem = shapeProblem(answerShapes.estimate, estimate);
  assert(problem === undefined, `${name} is ${shown(estimate)}: ${problem}`);
  assert(estimate && Number.isFinite(estimate.ram) && Number.isFinite(estimate.vram), `${name} is ${shown(estimate)}`);
  return estimate;
};

const each = (type: ResolvedType, look: (one: LaunchCase) => void): void => {
  for (const one of launchesOf(type)) look(one);
};

/** Headers of broken or malicious files. */
export const oddMetadata: ModelFacts['metadata'][] = [
  {},
  { 'general.architecture': 'llama', 'llama.block_count': -1, 'llama.context_length': 0, 'llama.embedding_length': 0 },
  { 'general.architecture': '', block_count: 'many', 'llama.attention.head_count': Number.MAX_SAFE_INTEGER },
  { 'general.architecture': '__proto__', '__proto__.block_count': 1, constructor: true },
];

export const estimateChecks = [
  {
    id: 'estimate.shape',
    title: 'every variant, device and program has an estimate, never below zero',
    needs: ['estimate'],
    check: ({ type }) => each(type, (one) => void estimateOf(type, one, {})),
  },
  {
    id: 'estimate.grows',
    title: 'a larger model never has a smaller estimate',
    needs: ['estimate'],
    check: ({ type }) =>
      each(type, (one) => {
        let last = 0;
        for (const bytes of [0, 1, 1, 100, 4_000, 100_000].map((size) => size * mebibyte)) {
          const { ram, vram } = estimateOf(type, one, { bytes });
          assert(ram + vram >= last, `${one.what}: a model of ${bytes} bytes needs less than a smaller one`);
          last = ram + vram;
        }
      }),
  },
  {
    id: 'estimate.model-counts',
    title: 'a model of 100 GB has a larger estimate than one of a megabyte',
    needs: ['estimate', 'models'],
    check: ({ type }) =>
      each(type, (one) => {
        const sum = (bytes: number) => {
          const { ram, vram } = estimateOf(type, one, { bytes });
          return ram + vram;
        };
        assert(sum(100_000 * mebibyte) > sum(mebibyte), `${one.what}: the size of the model makes no difference`);
      }),
  },
  {
    id: 'estimate.processor',
    title: 'a worker on the CPU needs no device memory',
    needs: ['estimate'],
    check: ({ type }) =>
      each(type, (one) => {
        if (one.launch.device.kind !== 'cpu') return;
        const { vram } = estimateOf(type, one, {});
        assert(vram === 0, `${one.what} is estimated to need ${vram} bytes of device memory`);
      }),
  },
  {
    id: 'estimate.odd-models',
    title: 'a model whose header has no metadata, or nonsense, still has an estimate',
    needs: ['estimate'],
    check: ({ type }) =>
      each(type, (one) => {
        for (const metadata of oddMetadata) estimateOf(type, one, { metadata });
      }),
  },
] as const satisfies readonly Check[];
