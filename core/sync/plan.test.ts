import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DesiredHive, ObservedHive, ObservedWorker } from '../contract/api/sync.ts';
import { extraText, planSummary, stepDoing, stepDone, stepKey, stepWords } from './describe.ts';
import { fingerprint } from './fingerprint.ts';
import { unreachableHive } from './observed.ts';
import { type PlanOptions, planHive } from './plan.ts';

const spec = { type: 'llamacpp', model: 'hf:o/m' };
const declaration = fingerprint(spec);

const desired: DesiredHive = {
  alias: 'gpu1',
  version: '2.0.0-bb',
  autoStart: true,
  types: [
    { type: 'llamacpp', package: '@rbee/worker-llamacpp', version: '1.1.0', integrity: 'sha512-b', variant: 'cuda' },
  ],
  models: ['hf:o/m'],
  workers: ['w', 'w-r2'].map((id) => ({ id, group: 'w', declaration, spec: { ...spec, id, declaration } })),
  unresolved: [],
};

const type = { ...desired.types[0]!, variants: ['cuda'], source: 'installed' as const, fault: null };
const worker = (id: string, more: Partial<ObservedWorker> = {}): ObservedWorker => ({
  id,
  type: 'llamacpp',
  state: 'ready',
  pluginVersion: '1.1.0',
  declaration,
  spec: null,
  name: 'm',
  ...more,
});

const asDeclared: ObservedHive = {
  alias: 'gpu1',
  hostname: 'gpu1.lan',
  status: 'online',
  error: null,
  version: '2.0.0-bb',
  platform: 'linux-x64',
  complete: true,
  types: [type],
  models: [{ model: 'hf:o/m', complete: true }],
  workers: [worker('w'), worker('w-r2')],
};

const plan = (observed: Partial<ObservedHive>, options: PlanOptions = {}, wanted: Partial<DesiredHive> | null = {}) =>
  planHive({ desired: wanted && { ...desired, ...wanted }, observed: { ...asDeclared, ...observed } }, options);

const words = (...parameters: Parameters<typeof plan>) =>
  plan(...parameters).steps.map((step) => Object.values(stepWords(step)).filter(Boolean).join(' | '));

describe('a plan', () => {
  it('is empty for a hive that is as declared', () => {
    const { steps, problems, fine, extra } = plan({});
    assert.deepEqual([steps, problems, extra], [[], [], []]);
    assert.equal(fine, 4);
  });

  it('goes from the hive to worker types and models, and then to workers', () => {
    const nothing = { status: 'absent', version: null, types: [], models: [], workers: [] } as const;
    assert.deepEqual(words(nothing), [
      'install | rbee 2.0.0-bb | missing',
      'install | llamacpp 1.1.0 (cuda) | missing',
      'download | hf:o/m | missing',
      'start | w | missing',
      'start | w-r2 | missing',
    ]);
  });

  it('replaces the workers of a plugin whose version is removed', () => {
    const old = {
      types: [{ ...type, version: '1.0.0' }],
      workers: [worker('w', { pluginVersion: '1.0.0' }), worker('w-r2')],
    };
    assert.deepEqual(words(old), [
      'install | llamacpp 1.1.0 (cuda) | replaces 1.0.0',
      'replace | w | its type has another version',
    ]);
  });

  it('starts stopped and failed workers again, and replaces those with a changed declaration', () => {
    const workers = [
      worker('w', { state: 'failed', pluginVersion: '1.0.0' }),
      worker('w-r2', { declaration: 'older' }),
    ];
    assert.deepEqual(words({ workers }), ['start | w | failed', 'replace | w-r2 | declaration changed']);
  });

  it('leaves a manually spawned worker alone, and reports that it blocks an id', () => {
    const byHand = [worker('w', { declaration: null, spec: { type: 'llamacpp' } }), worker('w-r2')];
    const { steps, problems } = plan({ workers: byHand });
    assert.deepEqual(steps, []);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['WORKER_ID_TAKEN'],
    );
    assert.deepEqual(words({ workers: byHand }, { removeExtra: true }), [
      'replace | w | its id is taken by another worker',
    ]);
    // Spawned exactly as declared, it counts as declared.
    assert.deepEqual(words({ workers: [worker('w', { declaration: null, spec }), worker('w-r2')] }), []);
  });

  it('removes undeclared things only on request, and workers before their types', () => {
    const more = {
      types: [
        type,
        { ...type, type: 'sd', package: 'sd', version: '3.0.0' },
        { ...type, type: 'own', package: 'own', source: 'link' as const },
      ],
      workers: [...asDeclared.workers, worker('mine', { type: 'sd', declaration: null })],
    };
    assert.deepEqual(words(more), []);
    assert.deepEqual(plan(more).extra.map(extraText), ['the worker mine', 'the type sd 3.0.0']);
    assert.deepEqual(words(more, { removeExtra: true }), [
      'delete | mine (sd) | not declared',
      'uninstall | sd 3.0.0 | not declared',
    ]);
  });

  it("removes an undeclared machine only on request, and never the queen's own", () => {
    assert.deepEqual(words({}, {}, null), []);
    assert.deepEqual(plan({}, {}, null).extra, [{ kind: 'hive' }]);
    assert.deepEqual(words({}, { removeExtra: true }, null), ['uninstall | rbee']);
    assert.deepEqual(words({ alias: 'local' }, { removeExtra: true }, null), []);
  });

  it('keeps everything that depends on an unresolved type', () => {
    const error = { code: 'REGISTRY_UNREACHABLE', message: 'no', hint: '' } as const;
    const wanted = { types: [], unresolved: [{ type: 'llamacpp', error }] };
    const { steps, problems, extra } = plan(
      { workers: [worker('w', { state: 'stopped' })] },
      { removeExtra: true },
      wanted,
    );
    assert.deepEqual([steps, extra], [[], []]);
    assert.deepEqual(problems, [error]);
  });

  it('accepts any version of a linked plugin', () => {
    const types = [{ ...type, source: 'link' as const, version: '0.0.1', variants: [] }];
    assert.deepEqual(words({ types, workers: ['w', 'w-r2'].map((id) => worker(id, { pluginVersion: '0.0.1' })) }), []);
    assert.equal(words({ types }).length, 2);
  });

  it('reinstalls on request, and if an installation is incomplete', () => {
    assert.deepEqual(words({}, { force: true }), [
      'install | rbee 2.0.0-bb | forced',
      'install | llamacpp 1.1.0 (cuda) | forced',
    ]);
    for (const bad of [{ fault: 'it throws' }, { variants: ['cpu'] }, { integrity: 'sha512-c' }]) {
      assert.equal(words({ types: [{ ...type, ...bad }] }).length, 1, JSON.stringify(bad));
    }
    assert.deepEqual(words({ types: [{ ...type, integrity: null }] }), []);
  });

  it('starts a hive without auto_start only if there is something to do', () => {
    const stopped = { status: 'stopped' } as const;
    assert.deepEqual(words(stopped), ['start | the hive | not running']);
    assert.deepEqual(words(stopped, {}, { autoStart: false }), []);
    // What it lacks is known only once it runs, so nothing is reported as missing.
    const unseen = { ...stopped, complete: false, types: [], models: [], workers: [] };
    assert.deepEqual(words(unseen, {}, { autoStart: false }), ['start | the hive | not running']);
    assert.equal(plan(unseen).complete, false);
    assert.equal(words({ ...stopped, models: [] }, {}, { autoStart: false })[0], 'start | the hive | not running');
    assert.deepEqual(plan({ status: 'absent', version: null }, {}, { autoStart: false }).steps, [
      { kind: 'install_hive', from: null, to: '2.0.0-bb', start: false },
    ]);
  });

  it('has no steps for a machine that does not answer, and gives the reason', () => {
    const error = { code: 'HIVE_UNREACHABLE', message: 'hive gpu1 does not answer: gone', hint: 'x' } as const;
    const lost = planHive({ desired, observed: unreachableHive({ alias: 'gpu1', hostname: 'h' }, error) });
    assert.deepEqual([lost.steps, lost.problems, lost.complete], [[], [error], false]);
    assert.equal(planSummary(lost), error.message);
  });
});

describe('a plan in words', () => {
  it('is summed up', () => {
    const nothing = { status: 'online', version: '1.0.0-aa', types: [], models: [], workers: [worker('x')] } as const;
    assert.equal(
      planSummary(plan(nothing, { removeExtra: true })),
      'hive 1.0.0-aa → 2.0.0-bb, 1 worker type to install, 1 model to download, 2 workers to start, 1 worker to delete',
    );
    assert.equal(planSummary(plan({})), 'as declared');
  });

  it('names each step once, and describes it while it runs and when it is done', () => {
    const { steps } = plan(
      { status: 'stopped', types: [{ ...type, type: 'sd', package: 'sd' }], models: [], workers: [worker('x')] },
      { removeExtra: true },
    );
    assert.equal(new Set(steps.map(stepKey)).size, steps.length);
    assert.deepEqual(steps.map(stepDoing), [
      'starting the hive',
      'installing llamacpp 1.1.0 (cuda)',
      'downloading hf:o/m',
      'deleting x (llamacpp)',
      'starting w',
      'starting w-r2',
      'uninstalling sd 1.1.0',
    ]);
    assert.deepEqual(steps.slice(0, 2).map(stepDone), ['the hive is running', 'llamacpp 1.1.0 (cuda) is installed']);
  });
});
