import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import type { HiveNeed } from '../../contract/worker-type/needs.ts';
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

test('a launch needs what its best possible candidate is missing, and worse candidates are not judged', async () => {
  const asked: string[] = [];
  const { candidate, found } = await bestPossible(
    ...judged({ rocm: 'unfit', cuda: 'lacking', vulkan: 'ready', cpu: 'ready' }, asked),
  );
  assert.deepEqual([candidate, found], ['cuda', { state: 'lacking', need: need('cuda') }]);
  assert.deepEqual(asked, ['rocm', 'cuda']);
});

test('nothing is missing where the best possible candidate is ready', async () => {
  const { found } = await bestPossible(...judged({ rocm: 'unfit', cuda: 'ready', cpu: 'lacking' }));
  assert.deepEqual(found, { state: 'ready' });
});

test('a launch takes the best ready candidate, and reports what the best one is missing where none is ready', async () => {
  assert.equal((await bestReady(...judged({ cuda: 'lacking', vulkan: 'ready', cpu: 'ready' }))).candidate, 'vulkan');
  const { candidate, found } = await bestReady(...judged({ rocm: 'unfit', cuda: 'lacking', cpu: 'lacking' }));
  assert.deepEqual([candidate, found.state], ['cuda', 'lacking']);
});

test('where none can run, the error is that of the best one', async () => {
  for (const choose of [bestPossible, bestReady]) {
    await assert.rejects(choose(...judged({ cuda: 'unfit', cpu: 'unfit' })), {
      code: 'VARIANT_INCOMPATIBLE',
      message: /no cuda/,
    });
  }
});
