import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseHivesConf } from '../config/hives-conf.ts';
import type { ObservedHive, ObservedWorker } from '../contract/api/sync.ts';
import { desiredHives } from './desired.ts';
import { driftOf } from './drift.ts';
import { type Address, migrate } from './migrate.ts';
import { absentHive } from './observed.ts';
import { planFleet } from './plan.ts';

const version = '0.1.0-aa';

const json = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  ),
  value: fc.oneof(
    { maxDepth: 2 },
    tie('leaf'),
    fc.array(tie('leaf'), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie('leaf'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

const worker = (number: number): fc.Arbitrary<ObservedWorker> =>
  fc
    .record({
      type: fc.constantFrom('llamacpp', 'sd'),
      written: fc.constantFrom('model', 'name', 'both', 'none'),
      variant: fc.option(fc.constantFrom('cpu', 'cuda'), { nil: undefined }),
      device: fc.option(fc.constantFrom('cpu', 'cuda', 'CUDA:0,1'), { nil: undefined }),
      options: fc.option(fc.dictionary(fc.string({ minLength: 1 }), json, { maxKeys: 4, noNullPrototype: true }), {
        nil: undefined,
      }),
      components: fc.option(fc.constant({ mmproj: 'hf:o/p:f.gguf' }), { nil: undefined }),
      restart: fc.option(fc.constantFrom('never' as const, 'on-failure' as const), { nil: undefined }),
      memoryLimit: fc.option(fc.integer({ min: 2 ** 20, max: 2 ** 40 }), { nil: undefined }),
      cpuLimit: fc.option(fc.double({ min: 0.01, max: 64, noNaN: true }), { nil: undefined }),
    })
    .map(({ type, written, ...rest }) => ({
      id: `w-${number}`,
      type,
      state: 'ready',
      pluginVersion: '1.2.3',
      declaration: null,
      name: null,
      spec: {
        // An alias of the type, as it was typed.
        type: type === 'llamacpp' ? 'llama.cpp' : type,
        ...(written !== 'name' && written !== 'none' && { model: `hf:org/Model-${number}:Q4_K_M` }),
        ...(written !== 'model' && written !== 'none' && { name: `m/${number}` }),
        ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
      },
    }));

const hive = (alias: string, first: number): fc.Arbitrary<ObservedHive> =>
  fc
    .tuple(worker(first), worker(first + 1), fc.subarray(['cpu', 'cuda'], { minLength: 1 }))
    .map(([one, two, variants]) => ({
      alias,
      hostname: `${alias}.lan`,
      status: 'online',
      error: null,
      version: alias === 'local' ? null : version,
      platform: 'linux-x64',
      complete: true,
      types: ['llamacpp', 'sd'].map((type) => ({
        type,
        package: `@rbee/worker-${type}`,
        version: '1.2.3',
        integrity: 'sha512-x',
        variants: [...new Set([...variants, one.spec?.variant ?? 'cpu', two.spec?.variant ?? 'cpu'])],
        source: 'installed',
        fault: null,
      })),
      models: [
        { model: 'hf:o/m', complete: true },
        { model: 'hf:o/half', complete: false },
      ],
      workers: [one, two],
    }));

const address: fc.Arbitrary<Address> = fc.record({
  hostname: fc.constantFrom('gpu1', '10.0.0.1', 'fe80::1'),
  sshUser: fc.constantFrom(null, 'ml'),
  sshPort: fc.constantFrom(null, 2222),
  hivePort: fc.constantFrom(8600, 9000),
  workerPorts: fc.constantFrom('18000-18999', '20000-20099'),
  autoStart: fc.boolean(),
  identityFile: fc.constantFrom(null, '~/.ssh/a "key"'),
  proxyJump: fc.constantFrom(null, 'me@jump.lan:22'),
  labels: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3, noNullPrototype: true }),
});

const again = async (text: string) =>
  desiredHives(parseHivesConf(text, 'hives.conf').hives, {
    version,
    resolve: async (type, range) => ({ package: `@rbee/worker-${type}`, version: range, integrity: 'sha512-x' }),
  });

describe('a hives.conf that was generated from a fleet', () => {
  it('is complete: a sync with it finds nothing to do', async () => {
    await fc.assert(
      fc.asyncProperty(hive('local', 1), hive('gpu1', 3), address, async (local, gpu1, where) => {
        const { text, notes, hives, workers } = migrate([
          { observed: local, address: null },
          { observed: gpu1, address: where },
        ]);
        assert.deepEqual([notes, hives, workers], [[], 2, 4]);
        const desired = await again(text);
        const plan = planFleet(
          'c',
          [local, gpu1].map((observed, index) => ({ observed, desired: desired[index]! })),
        );
        assert.deepEqual(
          plan.hives.flatMap(({ steps, problems, extra }) => [...steps, ...problems, ...extra]),
          [],
          text,
        );
        assert.equal(driftOf(plan, ['local', 'gpu1']).inSync, true);
        const { alias: _a, workers: _w, models: _m, run: _r, line: _l, ...read } = parseHivesConf(text, 'c').hives[1]!;
        assert.deepEqual({ ...read, labels: { ...read.labels } }, { ...where });
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('notes what cannot be written', () => {
    const [observed] = fc.sample(hive('gpu1', 1), { numRuns: 1, seed: 1 });
    const base = observed!.workers[0]!;
    const workers: ObservedWorker[] = [
      { ...base, id: 'stopped', state: 'stopped' },
      { ...base, id: 'secretive', spec: null },
      { ...base, id: 'relative', spec: { type: 'sd', model: 'file:m.gguf' } },
      { ...base, id: 'nothing', spec: { type: 'sd', options: { a: null } } },
      { ...base, id: 'fine', spec: { type: 'sd' }, type: 'sd' },
      { ...base, id: 'older', spec: { type: 'sd' }, type: 'sd', pluginVersion: '1.0.0' },
    ];
    const types = [...observed!.types, { ...observed!.types[0]!, type: 'mine', source: 'link' as const }];
    const {
      text,
      notes,
      workers: written,
    } = migrate([
      { observed: { ...observed!, workers, types }, address: null },
      { observed: { ...observed!, alias: 'twin', workers: workers.slice(4, 5) }, address: null },
      { observed: absentHive({ alias: 'gone', hostname: 'gone' }), address: null },
    ]);
    assert.deepEqual(notes, [
      'hive gpu1: mine is a link plugin there and is not written',
      'hive gpu1: worker stopped is stopped and is not written',
      'hive gpu1: worker secretive does not report how it was spawned and is not written',
      'hive gpu1: worker relative has a model with a relative path and is not written',
      'hive gpu1: worker nothing has options that TOML cannot hold and is not written',
      'hive gpu1: worker older uses sd 1.0.0; the next sync replaces it once',
      'hive twin: worker fine has the id of a worker on another hive and is not written',
      'hive gone is absent: its contents could not be read',
    ]);
    assert.equal(written, 2);
    assert.deepEqual(
      parseHivesConf(text, 'c').hives.map(({ alias }) => alias),
      ['gpu1', 'twin', 'gone'],
    );
  });

  // One hive with an invalid type name used to make the migration of all machines fail.
  it('has only the address of a hive that reports invalid values, and complete entries for the others', () => {
    const about = { hostname: 'x', status: 'online', error: null, version, platform: null, complete: true } as const;
    const type = (name: string) => ({
      type: name,
      package: 'x',
      version: '1.0.0',
      integrity: null,
      variants: ['cpu'],
      source: 'installed' as const,
      fault: null,
    });
    const hiveWith = (alias: string, name: string): ObservedHive => ({
      ...about,
      alias,
      types: [type(name)],
      models: [],
      workers: [],
    });
    const address = null;
    const names = ['x"\nssh_user = "root', 'x"]\n[[hive]]\nalias = "more', '../../etc', ''];
    for (const name of names) {
      const observed = [hiveWith('good', 'llamacpp'), hiveWith('evil', name), hiveWith('fine', 'sd')];
      const { text, notes } = migrate(observed.map((one) => ({ observed: one, address })));
      const { hives } = parseHivesConf(text, 'hives.conf');
      assert.deepEqual(
        hives.map(({ alias, sshUser, workers }) => [alias, sshUser, workers.map((one) => one.type)]),
        [
          ['good', null, ['llamacpp']],
          ['evil', null, []],
          ['fine', null, ['sd']],
        ],
      );
      assert.ok(notes.some((note) => note.startsWith('hive evil reports values that cannot be written')));
    }
  });
});
