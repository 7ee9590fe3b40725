import assert from 'node:assert/strict';
import { rm, stat } from 'node:fs/promises';
import { test } from 'node:test';
import type { NarrationEvent } from '../../contract/narration.ts';
import { tempFolder } from '../../lifecycle/testing.ts';
import { Bundles } from './bundles.ts';

test('rbee is packed once for all who ask at once, and again when the cache was emptied', async (t) => {
  const cache = await tempFolder(t);
  const bundles = new Bundles({ cache, fetcher: () => Promise.reject(new Error('nothing is to be fetched')) });
  const said: NarrationEvent[] = [];
  const call = { narrate: (event: NarrationEvent) => void said.push(event), signal: new AbortController().signal };
  const packings = () => said.filter(({ kind }) => kind === 'done').length;
  const [first, second] = await Promise.all([bundles.app(call), bundles.app(call)]);
  assert.deepEqual([second, packings()], [first, 1]);
  await rm(cache, { recursive: true });
  const third = await bundles.app(call);
  assert.deepEqual([third.sha256, packings()], [first.sha256, 2]);
  assert.equal((await stat(third.file)).size, third.size);
  const cancelled = AbortSignal.abort(new Error('enough'));
  await rm(cache, { recursive: true });
  await assert.rejects(bundles.app({ ...call, signal: cancelled }), /enough/);
  assert.equal((await bundles.app(call)).sha256, first.sha256, 'who asks next is not told of it');
});
