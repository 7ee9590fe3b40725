import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleOf } from '@rbee/test/scale';
import type { Command, DeviceProbe, Fit, Launch, Variant, WorkerType } from '../contract/worker-type/worker-type.ts';
import { missingAbility } from './abilities.ts';
import { areaOf, areas, type Check } from './check.ts';
import { checks } from './checks/index.ts';
import { type PackageJson, PluginUnderTest } from './plugin-under-test.ts';

const variant = (id: string, more: Partial<Variant> = {}): Variant => ({
  id,
  platforms: ['linux-x64'],
  fits: ({ devices }) =>
    devices.some(({ kind, fault }) => kind === id && !fault) ? { fits: true } : { fits: false, reasons: [`no ${id}`] },
  deviceFlags: ({ kind, indices }) => ({ args: ['--device', `${kind}:${indices.join(',')}`], env: {} }),
  resolveBinary: () => [
    { kind: 'path', id: 'engine', program: 'engine', variable: 'RBEE_ENGINE' },
    { kind: 'archive', id: 'engine', url: 'https://example.com/a.tgz', sha256: 'a'.repeat(64), member: 'bin/engine' },
  ],
  ...more,
});

const command = ({ models, names, host, port, options, deviceFlags, apiKey, secretFiles = {} }: Launch): Command => ({
  args: [
    ...(secretFiles['key'] ? [`--key-file=${secretFiles['key']}`] : []),
    ...Object.entries(models).flatMap(([name, path]) => [`--${name}`, path]),
    ...names.flatMap((name) => ['--name', name]),
    ...['--host', host, '--port', String(port)],
    ...['--context', String(options['context']), '--mode', String(options['mode']), `--text=${options['text']}`],
    ...(options['better'] ? ['--better'] : []),
    ...deviceFlags.args,
  ],
  env: { ENGINE_KEY: apiKey, ...(options['token'] ? { ENGINE_TOKEN: String(options['token']) } : {}) },
});

/** A type that passes every check. */
const good: WorkerType = {
  name: 'good',
  apiVersion: 1,
  summary: 'A type without a fault',
  serves: [
    { path: '/v1/good', kind: 'other', accepts: ['application/json', 'audio/*'], affinity: { thing: 'data.id' } },
    { path: '/v1/good/{thing}', method: ['GET', 'PUT', 'DELETE'], kind: 'other' },
    { path: '/v1/better', kind: 'other', needs: { engine: ['engine'], option: 'better' } },
  ],
  unserved: ({ options }) =>
    options['mode'] === 'slow' ? [{ path: '/v1/good/{thing}', hint: 'start it with mode=fast' }] : [],
  abilities: ({ model, options }) => ({
    contextLength: Number(options['context']),
    ...(model && { vision: model.metadata['vision'] === true }),
  }),
  slots: ({ context }) => Math.max(1, Math.floor(Number(context) / 64)),
  forecast: ({ models }) => ({ program: '$binary', args: ['--fit', models['main'] ?? ''] }),
  readForecast: ({ stdout, code }) =>
    code === 0 && stdout !== '' ? { ram: { mapped: stdout.length, private: 1 }, devices: {} } : undefined,
  models: { formats: ['gguf'], components: { draft: { required: false, description: 'A small model' } } },
  options: {
    type: 'object',
    properties: {
      context: { type: 'integer', description: 'Tokens', default: 512, minimum: 64, maximum: 4096 },
      mode: { type: 'string', description: 'How it works', default: 'fast', enum: ['fast', 'slow'] },
      text: { type: 'string', description: 'Any text', default: '' },
      better: { type: 'boolean', description: 'Serve the better path', default: false },
      token: { type: 'string', description: 'A secret for its environment', secret: true },
      key: { type: 'string', description: 'A secret in a file', secret: true },
    },
  },
  environment: ['ENGINE_LEVEL'],
  variants: [variant('cpu', { fits: () => ({ fits: true }) }), variant('cuda')],
  command,
  health: {
    ready: { mode: 'poll', path: '/health' },
    progressPattern: 'loading (?<percent>\\d+)%',
    progressExample: 'loading 5%',
  },
  stop: { signals: [{ signal: 'SIGTERM', graceMs: 1000 }] },
  probes: [{ id: 'list', program: '$binary', args: ['--list'], parse: ({ stdout }) => stdout.split('\n').slice(0, 9) }],
  selectFiles: (files) => [...new Set(files.map(({ path }) => path).filter((path) => path.endsWith('.gguf')))],
  estimate: ({ bytes }, { variant: id }) => (id === 'cpu' ? { ram: bytes, vram: 0 } : { ram: 0, vram: bytes }),
  diagnose: ({ log }) =>
    log.some((line) => line.includes('out of memory'))
      ? { cause: 'out_of_memory', message: 'it is out of memory', hint: 'buy more' }
      : undefined,
  load: { path: '/metrics', running: 'running' },
  checkOptions: ({ options }) =>
    options['mode'] === 'slow' ? [{ option: 'mode', problem: 'cannot be slow', hint: 'be fast' }] : [],
};

const paths = ['/v1/good', '/v1/good/{thing}', '/v1/better'];
const manifest: PackageJson = {
  name: 'rbee-worker-good',
  version: '1.0.0',
  license: 'MIT',
  keywords: ['rbee-worker'],
  files: ['dist'],
  rbee: {
    api: 1,
    workerTypes: { good: { entry: './dist/index.js', serves: paths, variants: ['cpu', 'cuda'] } },
  },
};

const failures = [{ cause: 'out_of_memory' as const, log: ['error: out of memory'] }];

/** Ids of the checks that a type fails, without the lifecycle checks. */
const failing = async (
  type: WorkerType,
  packageJson: PackageJson = manifest,
  recorded = failures,
): Promise<string[]> => {
  const plugin = new PluginUnderTest(type, { package: packageJson, failures: recorded });
  const failed: string[] = [];
  for (const check of checks.filter((one) => areaOf(one) !== 'life')) {
    if (missingAbility(plugin, check.needs) !== undefined) continue;
    await (async () => check.check(plugin))().catch(() => failed.push(check.id));
  }
  return failed;
};

const withVariant = (more: Partial<Variant>): WorkerType => ({ ...good, variants: [variant('cuda', more)] });
const withRule = (change: object): object => ({
  ...good,
  failures: [{ pattern: /broken (\w+)/, cause: 'crashed', message: 'it broke {1}', hint: 'mend it', ...change }],
});
const withOption = (option: object): WorkerType => ({
  ...good,
  options: {
    type: 'object',
    properties: { context: { type: 'integer', description: 'Tokens', default: 1, ...option } },
  },
});
const beehive: DeviceProbe = {
  kind: 'bee',
  programs: ['bee-smi'],
  args: ['list'],
  parse: ({ stdout }) =>
    [...stdout.matchAll(/^bee (\d)$/gm)].map(([, n]) => ({ id: `bee:${n}`, kind: 'bee', name: 'a bee' })),
};
const withDevices = (more: Partial<DeviceProbe>): WorkerType => {
  const probe = { ...beehive, ...more };
  return { ...good, devices: [probe], variants: [...good.variants, variant(probe.kind)] };
};
const withServed = (more: object): WorkerType => ({
  ...good,
  serves: good.serves.map((served) => (served.path === '/v1/good' ? { ...served, ...more } : served)),
});
const anywhere = [{ kind: 'path', id: 'a', program: 'a' }] as const;
const withSource = (source: object): WorkerType => withVariant({ resolveBinary: () => [source as never] });
const withSecret = (option: object): WorkerType => ({
  ...good,
  options: {
    type: 'object',
    properties: {
      ...good.options?.properties,
      token: { type: 'string', description: 'A token', secret: true, ...option },
    },
  },
});
const withCommand = (change: (args: string[], launch: Launch) => object): WorkerType => ({
  ...good,
  command: (launch) => ({ ...command(launch), ...change([...command(launch).args], launch) }),
});
let count = 0;

/** One fault each, and the check that must find it. */
const faults: [Check['id'], WorkerType | object][] = [
  ['identity.name', { ...good, name: 'Bad Name' }],
  ['identity.api-version', { ...good, apiVersion: 2 }],
  ['identity.summary', { ...good, summary: 'two\nlines' }],
  ['identity.members', { ...good, diagnoze: () => undefined }],
  ['identity.functions', { ...good, estimate: { ram: 1, vram: 1 } }],
  ['identity.plain-data', { ...good, health: { ...good.health, live: new URL('http://a/') } }],
  ['identity.accepted', { ...good, stop: { signals: [] } }],
  ['identity.accepted', { ...good, command: ['--port', '{prot}'] }],
  ['identity.accepted', { ...good, command: ['--key', '{apiKey}'] }],
  ['identity.accepted', { ...good, command: ['--model', '{model.draft}'] }],
  ['identity.accepted', { ...good, command: ['--context', '{option.contxt}'] }],
  ['identity.accepted', withVariant({ deviceFlags: undefined })],
  ['identity.accepted', withVariant({ binds: 'tpu' as never })],
  ['identity.accepted', { ...good, chooseFiles: () => [] }],
  ['identity.serves-paths', { ...good, serves: [{ path: '/v1/a?b', kind: 'other' }] }],
  ['identity.serves-kinds', { ...good, serves: [{ path: '/v1/good', kind: 'chatting' }] }],
  ['identity.serves-kinds', { ...good, serves: [{ path: '/v1/good', kind: 'other', method: ['GET', 'TRACE'] }] }],
  ['identity.serves-paths', { ...good, serves: [{ path: '/v1/good/x{y}', kind: 'other' }] }],
  ['devices.kinds', withDevices({ kind: 'metal' })],
  ['devices.driven', { ...good, devices: [beehive] }],
  ['devices.programs', withDevices({ programs: ['../bee-smi'] })],
  ['devices.empty', withDevices({ parse: () => [{ id: 'bee:0', kind: 'bee', name: 'a bee' }] })],
  ['devices.garbage', withDevices({ parse: ({ stdout }) => JSON.parse(stdout || '[]') })],
  [
    'devices.garbage',
    withDevices({ parse: ({ stdout }) => (stdout ? [{ id: 'cuda:0', kind: 'bee', name: '' }] : []) }),
  ],
  ['identity.serves-own', { ...good, serves: [{ path: '/v1/{any}', kind: 'other' }] }],
  ['identity.accepted', withServed({ accepts: ['audio'] })],
  ['serving.segments', { ...good, serves: [...good.serves, { path: '/a/{b}/c/{b}', kind: 'other' }] }],
  ['serving.affinity', withServed({ affinity: { other: 'id' } })],
  ['serving.affinity', withServed({ affinity: { thing: 'data..id' } })],
  ['serving.needs', withServed({ needs: { engine: 'turbine' } })],
  ['serving.needs', withServed({ needs: { option: 'mode' } })],
  ['serving.unserved', { ...good, unserved: () => [{ path: '/v1/elsewhere', hint: 'go there' }] }],
  ['serving.unserved', { ...good, unserved: () => paths.map((path) => ({ path, hint: 'never' })) }],
  ['serving.abilities', { ...good, abilities: () => ({ vision: 'sharp' }) }],
  ['serving.abilities', { ...good, abilities: () => ({ contextLength: 0 }) }],
  ['serving.slots', { ...good, slots: ({ context }: { context: number }) => context / 64 - 1 }],
  ['serving.forecast', { ...good, readForecast: undefined }],
  ['serving.forecast', { ...good, readForecast: ({ stdout }: { stdout: string }) => JSON.parse(stdout) }],
  ['identity.serves-own', { ...good, serves: [{ path: '/v1/jobs', kind: 'other' }] }],
  ['identity.models', { ...good, models: { formats: [] } }],
  ['identity.demo', { ...good, models: { formats: ['gguf'], demo: '../../etc/passwd' } }],
  ['identity.adapter', { ...good, adapter: { script: '/bin/sh' } }],
  ['purity.same-answer', withCommand((args) => ({ args: [...args, String(count++)] }))],
  ['purity.inputs', { ...good, command: (launch: { names: string[] }) => void launch.names.push('x') }],
  ['purity.world', withCommand((args) => ({ args: [...args, String(Date.now() > 0)] }))],
  ['purity.world', withCommand((args) => ({ args: [...args, String('HOME' in process.env)] }))],
  ['purity.plain', { ...good, command: async (launch: never) => command(launch) }],
  ['variants.ids', { ...good, variants: [variant('cpu'), variant('cpu')] }],
  ['variants.platforms', withVariant({ platforms: ['macos-arm64'] })],
  ['variants.platforms', withVariant({ platforms: ['linux'] as never })],
  ['variants.devices', withVariant({ devices: ['GPU 0'] })],
  ['variants.fits', withVariant({ fits: () => ({ fits: false, reasons: [] }) })],
  ['variants.faulty', withVariant({ fits: () => ({ fits: true }) })],
  ['variants.probe-answers', withVariant({ fits: ({ probes }) => (probes['list'] as Fit[])[0] as Fit })],
  [
    'variants.bare-host',
    withVariant({ fits: (host) => ({ fits: (host.devices[0]?.memory?.free as never)['x'] ?? true }) }),
  ],
  ['variants.device-flags', withVariant({ deviceFlags: () => ({ args: [], env: { 'A B': '1' } }) })],
  ['variants.device-told-apart', withVariant({ deviceFlags: () => ({ args: [], env: {} }) })],
  ['variants.devices-together', withVariant({ deviceFlags: ({ indices }) => ({ args: [`${indices[0]}`], env: {} }) })],
  ['variants.packages', withVariant({ packages: { include: ['a'], leaveOut: ['a'] } })],
  ['variants.package-files', withVariant({ packages: { leaveOutFiles: { a: ['../b'] } } })],
  ['variants.package-files', withVariant({ packages: { leaveOutFiles: { a: ['b\n/../../../c'] } } })],
  ['binaries.shape', withSource({ kind: 'docker', id: 'x' })],
  ['binaries.somewhere', withVariant({ resolveBinary: () => [] })],
  ['binaries.formats', withVariant({ resolveBinary: ({ model }) => (model ? [] : anywhere) })],
  ['binaries.before-model', withVariant({ resolveBinary: ({ model }) => (model ? anywhere : []) })],
  ['binaries.ids', withSource({ kind: 'path', id: 'a b', program: 'a' })],
  ['binaries.no-shell', withSource({ kind: 'path', id: 'a', program: 'bash' })],
  ['binaries.variables', withSource({ kind: 'path', id: 'a', program: 'a', variable: 'PATH' })],
  ['binaries.scripts', withSource({ kind: 'module', id: 'a', script: '../a.js' })],
  ['binaries.archives', withSource({ kind: 'archive', id: 'a', url: 'https://a/b', sha256: 'abc', member: 'a' })],
  ['binaries.prepare', withSource({ kind: 'path', id: 'a', program: 'a', prepare: [{ kind: 'rm', args: ['-rf'] }] })],
  [
    'binaries.prepare',
    withSource({ kind: 'path', id: 'a', program: 'a', prepare: [{ kind: 'requirement', requirement: 'b' }] }),
  ],
  ['binaries.packages', withSource({ kind: 'npm', id: 'a', package: 'a', version: '^1', bin: 'a' })],
  ['options.schema', { ...good, options: { ...good.options, required: ['mode'] } }],
  ['options.names', { ...good, options: { type: 'object', properties: { 'A b': { type: 'string' } } } }],
  ['options.described', withOption({ description: '' })],
  ['options.defaults', withOption({ default: undefined })],
  ['options.defaults-valid', withOption({ default: 'many' })],
  ['options.bounds', withOption({ minimum: 5, maximum: 1 })],
  ['options.patterns', withOption({ type: 'string', default: 'a', pattern: '^(a+)+$' })],
  ['options.unknown', { ...good, options: { ...good.options, additionalProperties: true } }],
  ['options.kinds', withOption({ type: 'null', default: null })],
  [
    'options.edges',
    {
      ...good,
      command: (launch: Launch) => {
        if (launch.options['mode'] === 'slow') throw new Error('not slowly');
        return command(launch);
      },
    },
  ],
  ['options.defaults-taken', { ...good, checkOptions: () => [{ option: 'mode', problem: 'no', hint: 'other' }] }],
  ['options.used', { ...withOption({ minimum: 0, maximum: 2 }), command: () => ({ args: ['--port', '1'] }) }],
  ['command.shape', withCommand(() => ({ args: [1] }))],
  ['command.port', withCommand(() => ({ args: ['--port', '8080'] }))],
  ['command.host', withCommand((args) => ({ args: args.filter((arg) => !arg.startsWith('127.')) }))],
  ['command.not-everywhere', withCommand((args) => ({ args: [...args, '--listen=0.0.0.0'] }))],
  ['command.names', withCommand((args) => ({ args: args.filter((arg) => arg !== 'examined-too') }))],
  ['command.model', withCommand((args) => ({ args: args.filter((arg) => !arg.endsWith('.draft')) }))],
  [
    'command.optional-model',
    { ...good, command: (launch: { models: { draft: string } }) => ({ args: [launch.models.draft.trim()] }) },
  ],
  ['command.api-key', { ...good, command: (launch: { apiKey: string }) => ({ args: [`--key=${launch.apiKey}`] }) }],
  ['command.api-key-given', withCommand(() => ({ env: { ENGINE_KEY: 'of-my-own' } }))],
  ['command.device', withCommand((args) => ({ args: args.filter((arg) => !arg.startsWith('cuda:')) }))],
  ['command.hostile-model', withCommand((args) => ({ args: args.join(' ').split(' ') }))],
  ['command.hostile-name', withCommand((args) => ({ args: args.map((arg) => arg.replace(/[$`]/g, '')) }))],
  ['command.hostile-option', withCommand((args) => ({ args: args.flatMap((arg) => arg.split(' ')) }))],
  ['command.no-nul', withCommand((args) => ({ args: [...args, 'a\0b'] }))],
  ['command.environment', withCommand(() => ({ env: { LD_PRELOAD: '/a.so' } }))],
  ['command.folder', withCommand(() => ({ cwd: 'here' }))],
  ['secrets.schema', withSecret({ default: 'secret:mine' })],
  ['secrets.schema', withSecret({ type: 'integer' })],
  ['secrets.arguments', withCommand((args, { options }) => ({ args: [...args, `--token=${options['token'] ?? ''}`] }))],
  ['secrets.given', withCommand((_args, { apiKey }) => ({ env: { ENGINE_KEY: apiKey } }))],
  ['secrets.given', withCommand((args) => ({ args: args.filter((arg) => !arg.startsWith('--key-file')) }))],
  ['secrets.own', withCommand((_args, { apiKey }) => ({ env: { ENGINE_KEY: apiKey, OTHER: 'secret:of-others' } }))],
  ['secrets.environment', { ...good, environment: ['LD_PRELOAD'] }],
  ['secrets.environment', { ...good, environment: ['RBEE_API_KEY'] }],
  ['health.path', { ...good, health: { ready: { mode: 'poll', path: 'health' } } }],
  ['health.statuses', { ...good, health: { ...good.health, failedStatus: [503] } }],
  ['health.patterns', { ...good, health: { ready: { mode: 'log', pattern: '.*', example: 'ready' } } }],
  ['health.patterns', { ...good, health: { ready: { mode: 'log', pattern: 'ready', example: 'loaded' } } }],
  [
    'health.patterns-fast',
    { ...good, health: { ready: { mode: 'log', pattern: '^(\\d+)+ready$', example: '1ready' } } },
  ],
  [
    'health.progress',
    { ...good, health: { ...good.health, progressPattern: 'loading \\d+%', progressExample: 'loading 5%' } },
  ],
  ['health.deadline', { ...good, health: { ...good.health, progressDeadlineMs: 100 } }],
  ['health.live', { ...good, health: { ...good.health, live: { path: 'live' } } }],
  ['health.deep', { ...good, health: { ready: { mode: 'callback' }, deep: { path: '/v1/good', body: {} } } }],
  ['stop.ladder', { ...good, stop: { signals: [{ signal: 'SIGHUP', graceMs: 1 }] } }],
  ['stop.patience', { ...good, stop: { signals: [{ signal: 'SIGTERM', graceMs: 500_000 }] } }],
  ['stop.sleep', { ...good, stop: { ...good.stop, sleep: { method: 'POST', path: '/sleep' } } }],
  ['probes.ids', { ...good, probes: [{ ...good.probes?.[0], variants: ['metal'] }] }],
  ['probes.programs', { ...good, probes: [{ ...good.probes?.[0], program: 'sh -c list' }] }],
  ['probes.empty', { ...good, probes: [{ ...good.probes?.[0], parse: ({ stdout }: Output) => JSON.parse(stdout) }] }],
  [
    'probes.garbage',
    { ...good, probes: [{ ...good.probes?.[0], parse: ({ stdout }: Output) => stdout && JSON.parse(stdout) }] },
  ],
  [
    'probes.huge',
    { ...good, probes: [{ ...good.probes?.[0], parse: ({ stdout }: Output) => Math.max(0, ...Buffer.from(stdout)) }] },
  ],
  ['files.known', { ...good, selectFiles: () => ['config.json'] }],
  ['files.once', { ...good, selectFiles: (files: Files) => files.flatMap(({ path }) => [path, path]) }],
  ['files.order', { ...good, selectFiles: (files: Files) => files.slice(0, 1).map(({ path }) => path) }],
  ['files.odd-listings', { ...good, selectFiles: (files: Files) => [files[0]!.path] }],
  ['estimate.shape', { ...good, estimate: () => ({ ram: -1, vram: 0 }) }],
  ['estimate.grows', { ...good, estimate: ({ bytes }: { bytes: number }) => ({ ram: 1e12 - bytes, vram: 0 }) }],
  ['estimate.model-counts', { ...good, estimate: () => ({ ram: 1, vram: 0 }) }],
  ['estimate.processor', { ...good, estimate: ({ bytes }: { bytes: number }) => ({ ram: 0, vram: bytes }) }],
  [
    'estimate.odd-models',
    { ...good, estimate: ({ metadata }: { metadata: { a: { b: 1 } } }) => ({ ram: metadata.a.b, vram: 0 }) },
  ],
  ['diagnose.rules', withRule({ cause: 'bad_luck' })],
  ['diagnose.rules', withRule({ message: 'it has {2}' })],
  ['diagnose.rules', withRule({ hint: 'see {where}' })],
  ['diagnose.rules', withRule({ pattern: undefined })],
  ['diagnose.rules', withRule({ pattern: '(' })],
  ['diagnose.rules-empty', withRule({ pattern: /.*/ })],
  ['diagnose.rules-fast', withRule({ pattern: /^(\d+)+broken$/ })],
  ['diagnose.recorded', { ...good, diagnose: () => undefined }],
  ['diagnose.silence', { ...good, diagnose: ({ log }: { log: [string] }) => void log[0].trim() }],
  ['diagnose.garbage', { ...good, diagnose: () => ({ cause: 'bad_luck', message: 'm', hint: 'h' }) }],
  [
    'diagnose.many-lines',
    { ...good, diagnose: ({ log }: { log: string[] }) => void (log.length > 100 && JSON.parse('')) },
  ],
  [
    'diagnose.other-engine',
    { ...good, diagnose: ({ binary }: { binary: { id: 'engine' } }) => void { engine: {} }[binary.id].toString() },
  ],
  ['diagnose.port', { ...good, diagnose: () => ({ cause: 'crashed', message: 'm', hint: 'h' }) }],
  ['load.path', { ...good, load: { path: 'metrics', running: 'running' } }],
  ['load.names', { ...good, load: { path: '/metrics', running: 'now running' } }],
];

type Files = { path: string }[];

interface Output {
  stdout: string;
}

test('a type without a fault passes', async () => {
  assert.deepEqual(await failing(good), []);
});

test('each fault is found by its own check', async () => {
  const missed: string[] = [];
  for (const [id, type] of sampleOf(faults, 6)) {
    const found = await failing(type as WorkerType);
    if (!found.includes(id)) missed.push(`${id}, but: ${found.join(', ')}`);
  }
  assert.deepEqual(missed, []);
});

test('a manifest that contradicts the code is found', async () => {
  const entry = manifest.rbee?.workerTypes?.['good'];
  const rbee = (change: object) => ({ ...manifest, rbee: { api: 1, workerTypes: { good: { ...entry, ...change } } } });
  const wrong: [Check['id'], PackageJson][] = [
    ['manifest.api', { ...manifest, rbee: { ...manifest.rbee, api: 2 } }],
    ['manifest.serves', rbee({ serves: ['/v1/other'] })],
    ['manifest.variants', rbee({ variants: ['cpu'] })],
    ['manifest.devices', rbee({ devices: ['bee'] })],
    ['manifest.aliases', rbee({ aliases: ['good'] })],
    ['manifest.keyword', { ...manifest, keywords: [] }],
    ['manifest.license', { ...manifest, license: undefined }],
    ['manifest.published', { ...manifest, files: ['lib', '*.js'] }],
    ['manifest.no-scripts', { ...manifest, scripts: { postinstall: 'node install.js' } }],
    ['manifest.types-only', { ...manifest, dependencies: { '@rbee/core': '*' } }],
  ];
  for (const [id, packageJson] of wrong) assert.deepEqual(await failing(good, packageJson), [id]);
  assert.deepEqual(await failing(good, { ...manifest, files: ['*/index.js'] }), []);
});

test('checks of undeclared abilities are skipped', () => {
  const { probes: _, estimate: __, models: ___, ...bare } = good;
  const plugin = new PluginUnderTest(bare);
  const left = checks.filter((check) => missingAbility(plugin, check.needs) === undefined).map(areaOf);
  assert.ok(!left.includes('probes') && !left.includes('estimate') && !left.includes('manifest'));
});

test('there are more than sixty checks, each with its own id and title, ordered by area', () => {
  assert.ok(checks.length > 60);
  assert.equal(new Set(checks.map(({ id }) => id)).size, checks.length);
  assert.equal(new Set(checks.map(({ title }) => title)).size, checks.length);
  const order = Object.keys(areas);
  const places = checks.map((check) => order.indexOf(areaOf(check)));
  assert.ok(places.every((place, index) => place >= Math.max(0, places[index - 1] ?? 0)));
});

test('a program without API key support passes if its type says so, and a plugin script needs no variable', async () => {
  const check = checks.find(({ id }) => id === 'command.api-key-given') as Check;
  const bare = { ...good, command: () => ({ args: [] }) } as unknown as WorkerType;
  await assert.rejects(async () => check.check(new PluginUnderTest(bare)), /any user of the machine could use it/);
  const script = variant('cpu', { resolveBinary: () => [{ kind: 'module', id: 'engine', script: 'server.js' }] });
  for (const more of [{ keyless: true }, { adapter: { script: 'adapter.js' } }, { variants: [script] }])
    await check.check(new PluginUnderTest({ ...bare, ...more }));
});
