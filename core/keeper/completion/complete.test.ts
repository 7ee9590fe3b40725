import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../main.ts';
import { topics } from '../topics.ts';
import { type Candidate, type CommandShape, complete, type NameKind } from './complete.ts';

const names: Record<NameKind, Candidate[]> = {
  worker: [{ value: 'llamacpp-a1' }, { value: 'llamacpp-b2' }],
  hive: [{ value: 'local' }],
  job: [{ value: 'job-1' }],
  type: [{ value: 'llamacpp' }],
  model: [{ value: 'qwen' }],
  reference: [{ value: 'hf:org/qwen' }],
  device: [{ value: 'cuda:0' }],
  secret: [{ value: 'hf-token' }],
  key: [{ value: 'ci' }],
};
const config = await loadConfig({ ignoreManifest: true });
const tree = {
  commands: config.commands as unknown as CommandShape[],
  topics: Object.entries(topics).map(([name, { description }]) => ({ name, description })),
};
const values = async (...words: string[]): Promise<string[]> =>
  (await complete(words, tree, async (kind) => names[kind])).map(({ value }) => value);

describe('completion', () => {
  it('completes topics and commands, but not hidden ones', async () => {
    const first = await values('');
    for (const word of ['worker', 'queen', 'hive', 'job', 'status', 'infer', 'demo', 'doctor'])
      assert.ok(first.includes(word), word);
    assert.ok(!first.includes('__complete'));
    assert.deepEqual(await values('worker', 'st'), ['start', 'status', 'stop']);
  });

  it('completes the names of existing things', async () => {
    assert.deepEqual(await values('worker', 'get', ''), ['llamacpp-a1', 'llamacpp-b2']);
    assert.deepEqual(
      await values('worker', 'stop', 'llamacpp-a1', ''),
      ['llamacpp-b2'],
      'names that were already typed are omitted',
    );
    assert.deepEqual(await values('hive', 'devices', ''), ['local']);
    assert.deepEqual(await values('job', 'attach', ''), ['job-1']);
    assert.deepEqual(await values('worker', 'spawn', '--type', ''), ['llamacpp']);
    assert.deepEqual(await values('worker', 'spawn', '--device=cu'), ['--device=cuda:0']);
    assert.deepEqual(await values('infer', '-m', ''), ['qwen', 'demo']);
    assert.deepEqual(await values('worker', 'spawn', '-m', ''), ['hf:org/qwen', 'demo']);
    assert.deepEqual(await values('model', 'get', ''), ['hf:org/qwen']);
  });

  it('completes flags and their choices', async () => {
    assert.deepEqual(await values('worker', 'spawn', '--mem'), ['--memory-limit']);
    assert.deepEqual(await values('worker', 'spawn', '--restart', 'on'), ['on-failure']);
    assert.ok(!(await values('worker', 'spawn', '--force', '--f')).includes('--force'));
  });

  it('offers nothing where nothing is known', async () => {
    assert.deepEqual(await values('nonsense', ''), []);
    assert.deepEqual(await values('worker', 'get', 'llamacpp-a1', ''), []);
  });
});
