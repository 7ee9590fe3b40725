import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, RbeeError } from '../../contract/errors.ts';
import type { HiveNeed, NeedsRequest, UnknownPublisher } from '../../contract/worker-type/needs.ts';
import { type Caller, owner } from '../../gateway/access/caller.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { spawnWorker } from '../workers/spawn.ts';
import { Provision, type ProvisionOptions } from './provision.ts';

const signal = new AbortController().signal;
const publisher: UnknownPublisher = {
  identity: '@acme/worker-mini@1.0.0 sha512-x',
  package: '@acme/worker-mini@1.0.0',
  publisher: '@acme',
  about: ['from a registry'],
};
const plugin: HiveNeed = { kind: 'plugin', plugin: 'mini' };
const variant: HiveNeed = { kind: 'variant', plugin: '@rbee/worker-mini', variant: 'cuda' };
const program: HiveNeed = {
  kind: 'program',
  plugin: '@rbee/worker-mini',
  type: 'mini',
  variant: 'cuda',
  format: 'gguf',
  sources: ['release'],
};
const models: HiveNeed = { kind: 'models', models: ['main', 'vae', 'not-asked-for'] };

interface Setting {
  /** The hive's answers in order; then nothing is missing. Errors are thrown. */
  needs?: readonly (HiveNeed | RbeeError | null)[];
  /** Does the queen bring what is missing? */
  remote?: boolean;
  /** Calls that fail the first time. */
  failing?: Readonly<Record<string, ErrorCode>>;
  answer?: 'yes' | 'no';
  /** Worker types of the hive. Absent: it does not say. */
  types?: readonly string[];
}

/** A hive with prepared answers; records all calls. */
const setUp = ({ needs = [], remote = false, failing = {}, answer = 'yes', types }: Setting) => {
  const calls: string[] = [];
  const questions: NeedsRequest[] = [];
  const asked: string[] = [];
  const told: string[] = [];
  const left = [...needs];
  const failed = new Set<string>();
  const write = (call: string, details: object = {}): void => {
    calls.push(`${call} ${JSON.stringify(details)}`);
    const code = failing[call];
    if (code === undefined || failed.has(call)) return;
    failed.add(call);
    throw RbeeError.from({ code, message: `${call} failed`, hint: 'try again' });
  };
  const client = {
    needs: async (request: NeedsRequest) => {
      questions.push(request);
      calls.push('needs');
      const need = left.shift() ?? null;
      if (need instanceof RbeeError) throw need;
      return need;
    },
    plugins: async (action: string, request: object) => write(action, request),
    models: async (action: string, request: object) => {
      write(action, request);
      return {};
    },
    modelGet: async () => ({ model: 'https://127.0.0.1:1/of-the-hive.gguf' }),
    spawn: async (spec: object) => {
      write('spawn', spec);
      return { id: 'mini-1', names: [], serves: [] };
    },
  };
  const state = types && { catalog: types.map((type) => ({ type })) };
  const member = { status: 'online', connection: { alias: 'pi', client }, state, apply: () => {} };
  const fleet = { online: () => member, member: () => member, workers: () => [] } as unknown as Fleet;
  const there = {
    get: () => member,
    plugins: {
      deliver: async (_: unknown, request: object) => {
        write('deliver', request);
        return { view: {}, variant: 'cuda', types: ['mini'] };
      },
      bringProgram: async (_: unknown, from: object, wanted: object) => write('bring program', { from, wanted }),
    },
    models: { bring: async (_: unknown, request: object) => write('bring model', request) },
  };
  const options = { fleet, ...(remote && { remote: there }) } as unknown as ProvisionOptions;
  const context = {
    job: 'job-1',
    caller: owner as Caller,
    signal,
    narrate: (event: { kind: string; text?: string }) => void (event.text && told.push(event.text)),
    show: () => {},
    ask: async (question: string) => {
      asked.push(question);
      return answer;
    },
  };
  const provision = new Provision(options);
  const spawn = (spec: object = {}) =>
    spawnWorker({ fleet, provision }, { hive: 'pi', type: 'mini', ask: true, ...spec }, context as never);
  return { spawn, provision, context, calls, questions, asked, told };
};

const written = { model: 'hf:acme/main', components: { vae: 'hf:acme/vae', lora: 'hf:acme/lora' } };

test('a caller without admin gets nothing brought, and a variant that needs nothing is used instead', async () => {
  const operator: Caller = { ...owner, name: 'key ci', scope: 'operate' };
  const brings = (calls: readonly string[]) => calls.filter((call) => /^(install|deliver|download|bring)/.test(call));
  for (const need of [plugin, models]) {
    const { spawn, context, calls } = setUp({ needs: [need] });
    context.caller = operator;
    await assert.rejects(spawn(written), { code: 'NOT_PERMITTED' });
    assert.deepEqual(brings(calls), []);
  }
  for (const need of [variant, program]) {
    const { spawn, context, calls, questions } = setUp({ needs: [need] });
    context.caller = operator;
    await spawn(written);
    assert.deepEqual(brings(calls), []);
    assert.deepEqual((questions.at(-1) as { without?: string[] }).without, ['cuda']);
    const none = setUp({ needs: [need, RbeeError.of('INTERNAL', { part: 'x', problem: 'x', log: 'x' })] });
    none.context.caller = operator;
    await assert.rejects(none.spawn(written), { code: 'NOT_PERMITTED' });
  }
});

// A spawn used to be repeated for each missing thing, up to six times.
test('a hive that lacks everything gets it piece by piece, and is asked to spawn once', async () => {
  const { spawn, calls } = setUp({ needs: [plugin, variant, program, models] });
  await spawn(written);
  const spec = { type: 'mini', ...written };
  assert.deepEqual(calls, [
    'needs',
    'install {"plugin":"mini"}',
    'needs',
    'install {"plugin":"@rbee/worker-mini","variant":"cuda"}',
    'needs',
    'prepare {"plugin":"mini","variant":"cuda","format":"gguf"}',
    'needs',
    'download {"type":"mini","model":"hf:acme/main"}',
    'download {"type":"mini","model":"hf:acme/vae","component":"vae"}',
    'needs',
    `spawn ${JSON.stringify(spec)}`,
  ]);
});

test('on another machine, the queen brings what the machine cannot download', async () => {
  const failing = { prepare: 'DOWNLOAD_FAILED', download: 'MODEL_HUB_UNREACHABLE' } as const;
  const { spawn, calls } = setUp({ needs: [plugin, variant, program, models], remote: true, failing });
  await spawn({ model: 'hf:acme/main', options: { slots: 2 } });
  const about = { type: 'mini', sources: ['release'], variant: 'cuda', options: { slots: 2 }, format: 'gguf' };
  const prepare = 'prepare {"plugin":"mini","variant":"cuda","options":{"slots":2},"format":"gguf"}';
  const model = '{"type":"mini","options":{"slots":2},"model":"hf:acme/main"}';
  assert.deepEqual(
    calls.filter((call) => call !== 'needs'),
    [
      'deliver {"plugin":"mini","type":"mini"}',
      'deliver {"plugin":"@rbee/worker-mini","variant":"cuda","type":"mini"}',
      prepare,
      `bring program ${JSON.stringify({ from: { plugin: '@rbee/worker-mini', type: 'mini' }, wanted: about })}`,
      prepare,
      `download ${model}`,
      `bring model ${model}`,
      `download ${model}`,
      'spawn {"type":"mini","model":"hf:acme/main","options":{"slots":2}}',
    ],
  );
});

test('a person is asked about an unknown publisher before anything is downloaded', async () => {
  const needs = [{ ...plugin, publisher }];
  const agreed = setUp({ needs });
  await agreed.spawn();
  assert.match(
    agreed.asked[0] ?? '',
    /@acme\/worker-mini@1\.0\.0 comes from @acme.*\(from a registry\)\. Install it\?/,
  );
  assert.equal(agreed.calls[1], `install ${JSON.stringify({ plugin: 'mini', accepted: publisher.identity })}`);
  const refused = setUp({ needs, answer: 'no' });
  await assert.rejects(refused.spawn(), {
    code: 'PUBLISHER_UNKNOWN',
    hint: /rbee plugins install mini --yes --hive pi/,
  });
  assert.deepEqual(refused.calls, ['needs']);
  const silent = setUp({ needs });
  await assert.rejects(silent.spawn({ ask: false }), { code: 'PUBLISHER_UNKNOWN' });
  assert.deepEqual([silent.asked, silent.calls], [[], ['needs']]);
});

// Any hive used to be able to make rbee ask a person to trust a publisher of its choice.
test('no question about a publisher comes from the hive of another machine', async () => {
  const { spawn, asked, calls } = setUp({ needs: [{ ...plugin, publisher }], remote: true });
  await spawn();
  assert.deepEqual(asked, []);
  assert.equal(calls[1], 'deliver {"plugin":"mini","type":"mini"}');
});

// A hive used to get any package that it named, in any version or from any address.
test('a hive suggests what it lacks, and gets only the type that was asked for', async () => {
  const evil: HiveNeed[] = [
    { kind: 'plugin', plugin: 'https://127.0.0.1:1/evil.tgz' },
    { kind: 'variant', plugin: 'x', variant: 'cuda' },
  ];
  const { spawn, calls } = setUp({ needs: evil, remote: true });
  await spawn();
  assert.deepEqual(
    calls.filter((call) => call.startsWith('deliver')),
    [
      'deliver {"plugin":"https://127.0.0.1:1/evil.tgz","type":"mini"}',
      'deliver {"plugin":"x","variant":"cuda","type":"mini"}',
    ],
  );
});

// The queen used to resolve a name through the hive, and download whatever the hive answered.
test('the queen downloads models that a person wrote, not those that a hive substitutes', async () => {
  const failing = { download: 'MODEL_HUB_UNREACHABLE' } as const;
  const named = setUp({ needs: [models], remote: true, failing });
  await assert.rejects(named.spawn({ model: 'pretty' }), { code: 'MODEL_HUB_UNREACHABLE' });
  assert.ok(!named.calls.some((call) => call.startsWith('bring')), named.calls.join());
  const reference = setUp({ needs: [models], remote: true, failing });
  await reference.spawn({ model: 'hf:acme/main' });
  assert.ok(reference.calls.includes('bring model {"type":"mini","model":"hf:acme/main"}'));
});

test('for an existing worker, the queen downloads nothing that its hive names', async () => {
  const { provision, context, calls } = setUp({ needs: [variant, plugin], remote: true });
  await provision.launch('pi', { start: { id: 'mini-1' } }, { models: {} }, context);
  assert.deepEqual(calls, ['needs', 'needs', 'needs']);
});

const outdated = RbeeError.of('HIVE_OUTDATED', {
  hive: 'pi',
  action: 'answer POST /v1/needs',
  command: 'rbee sync --hive pi',
});

// An older hive that cannot report what it lacks used to count as lacking nothing.
test('an older hive starts a type that it has, with a warning, and gets nothing', async () => {
  const { spawn, calls, told } = setUp({ needs: [outdated], remote: true, types: ['mini'] });
  await spawn();
  assert.deepEqual(calls, ['needs', 'spawn {"type":"mini"}']);
  assert.deepEqual(told, ['hive pi runs an older rbee: it may lack something']);
});

test('an older hive without the type must be updated first', async () => {
  const { spawn, calls } = setUp({ needs: [outdated], remote: true, types: ['other'] });
  await assert.rejects(spawn(), { code: 'HIVE_OUTDATED', hint: /rbee sync --hive pi/ });
  assert.deepEqual(calls, ['needs']);
});

test('an older hive that downloads plugins itself checks publishers itself', async () => {
  const { provision, context, calls, asked } = setUp({ needs: [outdated] });
  await provision.plugin('pi', { plugin: 'mini' }, context as never);
  assert.deepEqual([calls, asked], [['needs', 'install {"plugin":"mini"}'], []]);
});

test('a plugin that an older hive refuses is not blamed on its author', async () => {
  const { provision, context } = setUp({ needs: [outdated, outdated], failing: { install: 'PLUGIN_INVALID' } });
  const refused = provision.plugin('pi', { plugin: 'mini' }, context as never);
  await assert.rejects(refused, { code: 'HIVE_OUTDATED', message: /cannot accept this plugin \(install failed\)/ });
  const upToDate = setUp({ failing: { install: 'PLUGIN_INVALID' } });
  const invalid = upToDate.provision.plugin('pi', { plugin: 'mini' }, upToDate.context as never);
  await assert.rejects(invalid, { code: 'PLUGIN_INVALID' });
});

test('if a variant cannot be brought, the next best is tried, with a warning', async () => {
  const failing = { prepare: 'DOWNLOAD_FAILED' } as const;
  const cpu: HiveNeed = { ...program, variant: 'cpu' } as HiveNeed;
  const { spawn, calls, questions, told } = setUp({ needs: [program, cpu], failing });
  await spawn();
  assert.deepEqual(questions, [
    { worker: { type: 'mini' } },
    { worker: { type: 'mini' }, without: ['cuda'] },
    { worker: { type: 'mini' }, without: ['cuda'] },
  ]);
  assert.ok(told.includes('prepare failed: trying another variant instead'));
  assert.equal(calls.filter((call) => call.startsWith('spawn')).length, 1);
});

test('if no other variant can run, the error says why the best one could not be brought', async () => {
  const none = RbeeError.of('VARIANT_INCOMPATIBLE', {
    type: 'mini',
    variant: '',
    hive: 'pi',
    reasons: 'none is left',
    hint: '',
  });
  const { spawn, calls, told } = setUp({ needs: [program, none], failing: { prepare: 'DOWNLOAD_FAILED' } });
  await assert.rejects(spawn(), { code: 'DOWNLOAD_FAILED', message: 'prepare failed' });
  assert.deepEqual(
    [calls.filter((call) => call.startsWith('spawn')), told.filter((text) => /instead/.test(text))],
    [[], []],
  );
});

test('if something is still missing afterwards, the spawn itself reports it', async () => {
  const { spawn, calls } = setUp({ needs: [program, program, program] });
  await spawn();
  assert.deepEqual(
    calls.map((call) => call.split(' ')[0]),
    ['needs', 'prepare', 'needs', 'spawn'],
  );
});

test('a hive that always lacks something else does not block the queen forever', async () => {
  const needs = Array.from({ length: 100 }, (_, nth): HiveNeed => ({ ...program, variant: `v${nth}` }) as HiveNeed);
  const { spawn, questions } = setUp({ needs });
  await spawn();
  assert.ok(questions.length < 20, String(questions.length));
});
