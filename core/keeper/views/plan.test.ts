import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HivePlan, HiveReport, SyncPlan, SyncReport, SyncStep } from '../../contract/api/sync.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import { stepText } from '../../sync/describe.ts';
import { formatWholeDrift } from './drift.ts';
import { formatPlan } from './plan.ts';
import { formatReport } from './sync-report.ts';

const terminal = { width: Number.POSITIVE_INFINITY, rows: 24, live: false, colour: false, unicode: true };
const spec = { type: 'llamacpp' } as WorkerSpec;
const llamacpp = { type: 'llamacpp', package: '@rbee/worker-llamacpp' };
const steps: SyncStep[] = [
  { kind: 'install_hive', from: '0.1.0-aaaa', to: '0.2.0-bbbb', start: true },
  { kind: 'start_hive' },
  { kind: 'install_worker', ...llamacpp, version: '1.1.0', integrity: null, variant: 'cuda', from: '1.0.0' },
  { kind: 'install_worker', ...llamacpp, version: '1.1.0', integrity: null, variant: 'vulkan', from: '1.1.0' },
  { kind: 'download_model', model: 'hf:org/model' },
  { kind: 'start_worker', worker: 'a', group: 'a', spec, because: 'failed' },
  { kind: 'replace_worker', worker: 'b', group: 'b', spec, because: 'declaration' },
  { kind: 'delete_worker', worker: 'c', type: 'whisper' },
  { kind: 'uninstall_worker', type: 'whisper', package: '@rbee/worker-whisper', version: '0.1.0' },
  { kind: 'uninstall_hive', purge: false },
];
const hive = (change: Partial<HivePlan>): HivePlan => ({
  alias: 'gpu-1',
  hostname: 'gpu-1.lan',
  status: 'online',
  steps: [],
  extra: [],
  problems: [],
  complete: true,
  fine: 3,
  ...change,
});
const planOf = (hives: HivePlan[], change: Partial<SyncPlan> = {}): SyncPlan => ({
  config: '/hives.conf',
  hives,
  steps: hives.flatMap((one) => one.steps).length,
  inSync: false,
  ...change,
});

describe('a plan', () => {
  it('shows for every kind of step what is done and why', () => {
    assert.deepEqual(formatPlan(planOf([hive({ steps })]), terminal).split('\n'), [
      'HIVE   DO         WHAT                     WHY',
      'gpu-1  install    rbee 0.2.0-bbbb          replaces 0.1.0-aaaa',
      'gpu-1  start      the hive                 not running',
      'gpu-1  install    llamacpp 1.1.0 (cuda)    replaces 1.0.0',
      'gpu-1  install    llamacpp 1.1.0 (vulkan)  no build for vulkan yet',
      'gpu-1  download   hf:org/model             missing',
      'gpu-1  start      a                        failed',
      'gpu-1  replace    b                        declaration changed',
      'gpu-1  delete     c (whisper)              not declared',
      'gpu-1  uninstall  whisper 0.1.0            not declared',
      'gpu-1  uninstall  rbee',
      '',
      '10 steps on 1 hive',
      '',
    ]);
  });

  it('without steps is one line', () => {
    const text = formatPlan(planOf([hive({}), hive({})], { inSync: true }), terminal);
    assert.equal(text, 'all 2 hives are in sync with /hives.conf; nothing to do\n');
  });

  it('names what is not declared and is kept', () => {
    const extra = [{ kind: 'hive' }, { kind: 'worker', worker: 'mine', type: 'sd' }] as const;
    assert.match(
      formatPlan(planOf([hive({ extra })], { inSync: true }), terminal),
      /^gpu-1: not declared, kept \(remove with --remove-extra\): rbee itself, the worker mine\n/,
    );
  });
});

describe('a report', () => {
  it('shows the cause, the hint and the retry command of each failure', () => {
    const [first, , third, , fifth] = steps as [SyncStep, SyncStep, SyncStep, SyncStep, SyncStep];
    const error = { code: 'UPLOAD_FAILED', message: 'it broke off', hint: 'try again' } as const;
    const of = (step: SyncStep, change: object) => ({
      step,
      state: 'done' as const,
      error: null,
      attempts: 1,
      ms: 5,
      ...change,
    });
    const failed: HiveReport = {
      alias: 'gpu-1',
      hostname: 'gpu-1.lan',
      state: 'partly',
      steps: [of(first, {}), of(third, { state: 'failed', error, attempts: 3 }), of(fifth, { state: 'skipped' })],
      problems: [],
      ms: 65_000,
      retry: 'rbee sync --hive gpu-1',
    };
    const report: SyncReport = {
      config: '/hives.conf',
      hives: [failed],
      counts: { hives: 1, unchanged: 0, done: 1, failed: 1, skipped: 1 },
      partial: true,
      failed: false,
      cancelled: false,
      startedAt: '2026-01-01T00:00:00Z',
      ms: 65_000,
      retry: 'rbee sync --retry-failed',
    };
    assert.deepEqual(formatReport(report, terminal).split('\n'), [
      'HIVE   STATE   STEPS                             TOOK',
      'gpu-1  partly  1 done, 1 failed, 1 skipped  1 min 5 s',
      '',
      '✖ gpu-1: install llamacpp 1.1.0 (cuda) (tried 3 times): it broke off',
      '    try: try again',
      `gpu-1: skipped: ${stepText(fifth)}`,
      'gpu-1: retry with: rbee sync --hive gpu-1',
      '',
      '1 hive: 1 partly (1 min 5 s)',
      '',
    ]);
  });
});

describe('the whole difference', () => {
  const counts = { hives: 1, inSync: 0, drifted: 1, unreachable: 0, undeclared: 0, steps: 1 };
  const at = '2026-01-01T00:00:00Z';

  it('is shown as the plan of a sync that does not run', () => {
    const plan = hive({ steps: steps.slice(1, 2) });
    const drifted = {
      alias: 'gpu-1',
      hostname: 'gpu-1.lan',
      state: 'drifted',
      summary: 'the hive to start',
      plan,
    } as const;
    const view = { config: '/hives.conf', declared: true, inSync: false, hives: [drifted], counts, at };
    const text = formatWholeDrift(view, terminal, Date.parse(at));
    assert.match(text, /^drift {3}1 of 1 hive out of sync with \/hives\.conf \(checked 0 s ago\)\n/);
    assert.match(text, /\ngpu-1 {2}start {2}the hive {2}not running\n\n1 step on 1 hive\n$/);
  });

  it('is empty without a hives.conf', () => {
    const view = { config: '/hives.conf', declared: false, inSync: true, hives: [], counts, at };
    assert.equal(formatWholeDrift(view, terminal), 'there is no /hives.conf, so there is nothing to compare with\n');
  });
});
