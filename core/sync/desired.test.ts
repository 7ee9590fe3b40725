import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHivesConf } from '../config/hives-conf.ts';
import { RbeeError } from '../contract/errors.ts';
import type { WorkerSpec } from '../contract/worker.ts';
import { type DesiredOptions, desiredHives } from './desired.ts';
import { fingerprint } from './fingerprint.ts';

const resolve: DesiredOptions['resolve'] = async (type, range) => ({
  package: `@rbee/worker-${type}`,
  version: range === 'latest' ? '1.2.0' : range.replace('^', ''),
  integrity: null,
});

const desired = (source: string, options: Partial<DesiredOptions> = {}) =>
  desiredHives(parseHivesConf(source, 'hives.conf').hives, { resolve, version: '0.1.0-aa', ...options });

const ids = async (source: string) => (await desired(source)).flatMap(({ workers }) => workers.map(({ id }) => id));

const hive = (alias: string, ...entries: string[]) =>
  `[[hive]]\nalias = "${alias}"\nrun = [${entries.map((entry) => `{ ${entry} }`).join(', ')}]\n`;

describe('the ids of declared workers', () => {
  it('contain the machine, the type and the model, and are numbered for replicas', async () => {
    assert.deepEqual(await ids(hive('gpu1', 'type = "llama-cpp", model = "hf:Qwen/Qwen3-0.6B-GGUF", replicas = 3')), [
      'gpu1-llamacpp-qwen3-0-6b',
      'gpu1-llamacpp-qwen3-0-6b-r2',
      'gpu1-llamacpp-qwen3-0-6b-r3',
    ]);
    assert.deepEqual(
      await ids(
        hive('a', 'type = "comfyui"', 'type = "vllm", name = "Chat"', 'type = "vllm", id = "mine", replicas = 2'),
      ),
      ['a-comfyui', 'a-vllm-chat', 'mine', 'mine-r2'],
    );
  });

  it('stay the same when entries or replicas are added', async () => {
    const own = 'type = "vllm", model = "hf:o/m"';
    const before = await ids(hive('a', own));
    assert.deepEqual(
      (await ids(hive('b', 'type = "sd"') + hive('a', 'type = "sd"', `${own}, replicas = 2`))).slice(-2),
      [before[0], `${before[0]}-r2`],
    );
  });

  it('are unique in the fleet, short, and made of valid characters', async () => {
    const long = 'x'.repeat(200);
    const all = await ids(
      hive(
        'a',
        'type = "b-c"',
        'type = "b-c"',
        'type = "x", id = "a-b-c-3"',
        `type = "y", model = "hf:o/${'x'.repeat(90)}"`,
      ) +
        hive(
          'a-b',
          'type = "c"',
          'type = "c", replicas = 2',
          `type = "y", name = "${long.slice(0, 120)}", replicas = 1000`,
        ) +
        hive('a_b', 'type = "c"'),
    );
    assert.equal(new Set(all).size, all.length);
    for (const id of all) assert.match(id, /^[a-z0-9][a-z0-9-]{0,62}$/);
  });
});

describe('the fingerprint of a declaration', () => {
  const spec: WorkerSpec = { type: 'vllm', model: 'hf:o/m', options: { a: 1, b: { c: 1, d: 2 } }, device: 'cuda' };

  it('does not depend on order or notation, and is the same for all replicas', () => {
    const again: WorkerSpec = {
      device: 'cuda:0',
      options: { b: { d: 2, c: 1 }, a: 1 },
      model: 'hf://o/m',
      type: 'vllm',
    };
    assert.equal(fingerprint(again), fingerprint(spec));
    assert.equal(
      fingerprint({ ...spec, id: 'x', declaration: 'y', components: {}, restart: 'on-failure' }),
      fingerprint(spec),
    );
  });

  it('changes with anything that a worker is started with', () => {
    const changes: Partial<WorkerSpec>[] = [
      { type: 'sd' },
      { model: 'hf:o/m@main' },
      { options: { a: 1 } },
      { options: { a: '1', b: { c: 1, d: 2 } } },
      { device: 'cuda:1' },
      { variant: 'cuda' },
      { name: 'm' },
      { components: { vae: 'hf:o/v' } },
      { restart: 'always' },
      { memoryLimit: 2 ** 30 },
      { cpuLimit: 1 },
    ];
    const all = [spec, ...changes.map((change) => ({ ...spec, ...change }))].map(fingerprint);
    assert.equal(new Set(all).size, all.length);
  });
});

describe('the desired state of a hive', () => {
  it('includes the types that it declares and those that its workers need', async () => {
    const [one] = await desired(`[[hive]]
alias = "a"
workers = [{ type = "llama.cpp", version = "^1.0.0", variant = "cpu" }]
run = [{ type = "llamacpp" }, { type = "llamacpp", variant = "cuda" }, { type = "vllm" }, { type = "vllm" }]
`);
    assert.deepEqual(
      one?.types.map(({ type, version, variant }) => `${type} ${version} ${variant}`),
      ['llamacpp 1.0.0 cpu', 'llamacpp 1.0.0 cuda', 'vllm 1.2.0 null'],
    );
    assert.equal(one?.version, '0.1.0-aa');
    assert.deepEqual(one?.workers[1]?.spec, {
      type: 'llamacpp',
      variant: 'cuda',
      id: one?.workers[1]?.id,
      declaration: one?.workers[1]?.declaration,
    });
  });

  it('is resolved once for all machines, and does not install rbee on the queen’s', async () => {
    const asked: string[] = [];
    const workers = 'workers = [{ type = "vllm", version = "^1" }]';
    const [local, other] = await desired(`[[hive]]\nalias = "local"\n${workers}\n[[hive]]\nalias = "b"\n${workers}\n`, {
      resolve: (type, range) => {
        asked.push(`${type}@${range}`);
        return resolve(type, range);
      },
    });
    assert.deepEqual(asked, ['vllm@^1']);
    assert.equal(local?.version, null);
    assert.equal(other?.version, '0.1.0-aa');
  });

  it('names a type that cannot be resolved, and is otherwise complete', async () => {
    const [one] = await desired('[[hive]]\nalias = "a"\nworkers = [{ type = "vllm" }, { type = "sd" }]\n', {
      resolve: async (type, range) => {
        if (type === 'vllm') throw RbeeError.of('PACKAGE_NOT_FOUND', { package: type, problem: 'no' });
        return resolve(type, range);
      },
    });
    assert.deepEqual(
      one?.types.map(({ type }) => type),
      ['sd'],
    );
    assert.deepEqual(
      one?.unresolved.map(({ type, error }) => [type, error.code]),
      [['vllm', 'PACKAGE_NOT_FOUND']],
    );
  });

  it('cannot contain one package in two versions', async () => {
    const [one] = await desired(
      '[[hive]]\nalias = "a"\nworkers = [{ type = "image", version = "1.0.0" }, { type = "speech", version = "2.0.0" }]\n',
      { resolve: async (_, version) => ({ package: 'media', version, integrity: null }) },
    );
    assert.deepEqual(
      one?.unresolved.map(({ type, error }) => [type, error.code]),
      [['speech', 'SYNC_VERSION_CONFLICT']],
    );
  });
});
