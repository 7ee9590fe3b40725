import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import type { HiveNeed } from '../../contract/needs.ts';
import { bestPossible, bestReady } from './choose-candidate.ts';

type Facts = Record<string, 'ready' | 'lacking' | 'unfit'>;

const need = (variant: string): HiveNeed => ({ kind: 'variant', plugin: '@rbee/worker-mini', variant });
const judged = (facts: Facts, asked: string[] = []) =>
  [
    Object.keys(facts),
    async (variant: string) => {
      asked.push(variant);
      const state = facts[variant] ?? 'unfit';
      if (state === 'lacking') return { state, need: need(variant) } as const;
      if (state === 'ready') return { state } as const;
      const details = { type: 'mini', variant, hive: 'local', reasons: `no ${variant}`, hint: '' };
      return { state, error: RbeeError.of('VARIANT_INCOMPATIBLE', details) } as const;
    },
  ] as const;

test('what a launch needs is what the best that can run lacks, and what is worse is not looked at', async () => {
  const asked: string[] = [];
  const { candidate, found } = await bestPossible(
    ...judged({ rocm: 'unfit', cuda: 'lacking', vulkan: 'ready', cpu: 'ready' }, asked),
  );
  assert.deepEqual([candidate, found], ['cuda', { state: 'lacking', need: need('cuda') }]);
  assert.deepEqual(asked, ['rocm', 'cuda']);
});

test('nothing is lacking where the best that can run is there', async () => {
  const { found } = await bestPossible(...judged({ rocm: 'unfit', cuda: 'ready', cpu: 'lacking' }));
  assert.deepEqual(found, { state: 'ready' });
});

test('a launch takes the best for which all is there, and names what the best lacks where none is', async () => {
  assert.equal((await bestReady(...judged({ cuda: 'lacking', vulkan: 'ready', cpu: 'ready' }))).candidate, 'vulkan');
  const { candidate, found } = await bestReady(...judged({ rocm: 'unfit', cuda: 'lacking', cpu: 'lacking' }));
  assert.deepEqual([candidate, found.state], ['cuda', 'lacking']);
});

test('where none can run, the best one says why', async () => {
  for (const choose of [bestPossible, bestReady]) {
    await assert.rejects(choose(...judged({ cuda: 'unfit', cpu: 'unfit' })), {
      code: 'VARIANT_INCOMPATIBLE',
      message: /no cuda/,
    });
  }
});
