/** Lies in a hive's answers to requests. */
import { type About, type Act, type Anything, type Ends, type HiveLie, nasty, type Reply } from './lie.ts';

const stopPath = 'POST /v1/workers/:id/stop';
const outcome = (result: unknown) => ({ kind: 'result', result });

/** The queen stops the hive's own worker, and this is the hive's answer. */
const onStop = (
  name: string,
  answer: (reply: Reply) => void,
  ends: Ends = 'error',
  more: Partial<HiveLie> & { never?: readonly string[] } = {},
): HiveLie => {
  const { never, ...rest } = more;
  return {
    name: `${name}, as a worker is stopped`,
    shown: 'either',
    answers: { [stopPath]: answer },
    acts: ({ worker }) => [{ run: 'worker_stop', input: { worker, now: true }, ends, ...(never && { never }) }],
    ...rest,
  };
};

/** Narration, then a true outcome: what is not allowed in it is dropped or refused. */
const narrated = (name: string, events: readonly unknown[], more: { never?: readonly string[] } = {}): HiveLie =>
  onStop(name, (reply) => reply.lines(...events, outcome(own(reply))), 'either', more);

/** The liar's own worker, as it really is. */
const own = ({ about }: Reply): unknown => about.truth.workers[0];

const failing = (name: string, error: unknown, ends: Ends = 'error'): HiveLie =>
  onStop(`an error ${name}`, (reply) => reply.lines({ kind: 'error', error }), ends);

const error = (code: unknown, more: object = {}): object => ({
  code,
  message: 'a message',
  hint: 'a hint',
  lines: [],
  ...more,
});

const narrations: HiveLie[] = [
  narrated(
    'a secret question',
    [{ kind: 'ask', id: 'q1', question: 'Passphrase of the key ~/.ssh/id_ed25519:', secret: true }],
    { never: ['ask'] },
  ),
  narrated(
    'a question with choices',
    [{ kind: 'ask', id: '1', question: 'Is it the right host key?', choices: ['yes', 'no'] }],
    { never: ['ask'] },
  ),
  narrated('a plan', [{ kind: 'plan', plan: { hives: 7 } }], { never: ['plan'] }),
  narrated('a piece of an answer', [{ kind: 'text', text: 'I am the model' }], { never: ['text'] }),
  narrated('an unknown kind', [{ kind: 'dance' }], { never: ['dance'] }),
  narrated('invalid events', [7, null, 'hello', [], {}]),
  narrated('a step without a text', [{ kind: 'step', id: 'a' }]),
  narrated('a step whose text is a list', [{ kind: 'step', id: 'a', text: [] }]),
  narrated('progress that is not a number', [{ kind: 'progress', id: 'a', done: 'NaN', total: null, unit: nasty }]),
  narrated('progress that is negative or too large', [{ kind: 'progress', id: 'a', done: -1e308, total: 1e308 }]),
  narrated('a text of a megabyte', [{ kind: 'info', text: 'x'.repeat(2 ** 20) }]),
  narrated('an event with a number and a time of its own', [{ kind: 'info', text: 'x', seq: -1, at: 'never' }]),
  onStop(
    'endless narration',
    (reply) => {
      const lines = Buffer.from(`${JSON.stringify({ kind: 'info', text: 'and on '.repeat(50) })}\n`.repeat(100));
      reply.pour(() => lines);
    },
    'error',
    { heavy: true, within: 30 },
  ),
  onStop(
    'endless progress',
    (reply) => {
      const lines = `${JSON.stringify({ kind: 'progress', id: 'a', done: 1, total: 2 })}\n`.repeat(1_000);
      reply.pour((nth) => (nth === 0 ? '{"kind":"step","id":"a","text":"a"}\n' : lines));
    },
    'error',
    { heavy: true, within: 30 },
  ),
  onStop(
    'an endless line',
    (reply) => {
      const piece = Buffer.alloc(2 ** 20, 'x');
      reply.pour((nth) => (nth === 0 ? '{"kind":"info","text":"' : piece));
    },
    'error',
    { heavy: true, within: 30 },
  ),
  onStop('narration that stops in the middle', (reply) => void reply.response.write('{"kind":"info"'), 'stopped'),
  onStop('no answer', () => {}, 'stopped'),
  onStop('narration without an outcome', (reply) => reply.lines({ kind: 'info', text: 'and that was all' })),
  onStop('nothing', (reply) => void reply.response.end()),
  onStop('a broken connection', (reply) => reply.cut()),
  onStop(
    'two outcomes',
    (reply) => reply.lines(outcome(own(reply)), { kind: 'error', error: error('TIMEOUT') }),
    'either',
  ),
  onStop(
    'an outcome before narration',
    (reply) => reply.lines(outcome(own(reply)), { kind: 'info', text: 'late' }),
    'either',
  ),
  onStop(
    'a result followed by a flood',
    (reply) => {
      const piece = Buffer.alloc(2 ** 20, '\n');
      reply.pour((nth) => (nth === 0 ? `${JSON.stringify(outcome(own(reply)))}\n` : piece));
    },
    'either',
    { heavy: true },
  ),
  onStop('no JSON', (reply) => void reply.response.end('<html>\n')),
  onStop('an outcome that is a number', (reply) => reply.lines(7)),
  onStop('a result without a value', (reply) => reply.lines({ kind: 'result' })),
  // Shown on the screen.
  {
    name: 'control characters in everything it narrates',
    shown: 'either',
    answers: {
      [stopPath]: (reply) =>
        reply.lines(
          { kind: 'step', id: nasty, text: `step ${nasty}`, on: nasty },
          { kind: 'progress', id: nasty, done: 1, total: 2, unit: nasty, text: nasty },
          { kind: 'info', text: nasty, on: nasty },
          { kind: 'warning', text: nasty, hint: nasty },
          { kind: 'done', id: nasty, text: nasty },
          { kind: 'error', error: error('WORKER_FAILED', { message: nasty, hint: nasty, lines: [nasty] }) },
        ),
    },
    acts: ({ worker }) => [{ cli: ['worker', 'stop', worker, '--now'] }],
  },
];

const errors: HiveLie[] = [
  failing('of an untrusted publisher', error('PUBLISHER_UNKNOWN', { lines: ['@evil/worker@1.0.0', 'by evil'] })),
  failing(
    'that asks for another package',
    error('PLUGIN_NOT_DELIVERED', { lines: [JSON.stringify({ plugin: '@evil/worker-x' })] }),
  ),
  failing('of a changed host key', error('SSH_HOST_KEY_CHANGED')),
  failing('of a hub that cannot be reached', error('MODEL_HUB_UNREACHABLE')),
  failing('that says the queen is not running', error('QUEEN_NOT_RUNNING')),
  failing('whose code is a number', error(7)),
  failing('whose code is in lower case', error('evil_code')),
  failing('whose code is __proto__', error('__proto__')),
  failing('whose code is a megabyte', error('E'.repeat(2 ** 20))),
  failing('without a message', { code: 'TIMEOUT' }),
  failing('whose message is a list', error('TIMEOUT', { message: [] })),
  failing('whose message is a megabyte', error('TIMEOUT', { message: 'x'.repeat(2 ** 20) })),
  failing('with 100,000 lines', error('TIMEOUT', { lines: Array.from({ length: 100_000 }, () => 'line') })),
  failing('whose lines are numbers', error('TIMEOUT', { lines: [7, null] })),
  failing('that is null', null),
  failing('that is a string', 'no'),
  onStop('status 500 without a body', (reply) => void reply.response.writeHead(500).end()),
  onStop('status 500 with a page', (reply) => void reply.response.writeHead(500).end('<html></html>')),
  onStop('status 409 with an invalid error', (reply) => reply.json({ error: { code: 7 } }, 409)),
  onStop(
    'an endless error',
    (reply) => {
      reply.response.writeHead(500, { 'content-type': 'application/json' });
      const piece = Buffer.alloc(2 ** 20, 'x');
      reply.pour((nth) => (nth === 0 ? '{"error":{"code":"TIMEOUT","message":"' : piece));
    },
    'error',
    { heavy: true, within: 30 },
  ),
];

const workerResults: HiveLie[] = [
  ...[null, 7, 'stopped', [], {}].map((value) =>
    onStop(`a result that is ${JSON.stringify(value)}`, (reply) => reply.lines(outcome(value))),
  ),
  onStop('another worker', (reply) => reply.lines(outcome({ ...(own(reply) as object), id: 'another-one' }))),
  onStop('the worker of the honest machine', (reply) =>
    reply.lines(outcome({ ...(own(reply) as object), id: reply.about.good.id, hive: 'good' })),
  ),
  onStop('a worker with names that are null', (reply) =>
    reply.lines(outcome({ ...(own(reply) as object), names: null })),
  ),
  onStop(
    'a worker on a port outside the pool',
    (reply) => reply.lines(outcome({ ...(own(reply) as object), state: 'ready', port: reply.about.baits[0] })),
    'either',
    {
      acts: ({ worker, model }) => [
        { run: 'worker_stop', input: { worker, now: true }, ends: 'either' },
        { chat: model },
      ],
    },
  ),
  onStop('a worker of a megabyte', (reply) =>
    reply.lines(outcome({ ...(own(reply) as object), logFile: 'x'.repeat(2 ** 20) })),
  ),
];

/** Requests to a hive other than the stop above: the route that answers, and the queen's operation that leads to it. */
const asked: Readonly<Record<string, { path: string; run: string; input: (about: About) => Record<string, unknown> }>> =
  {
    'a start': { path: 'POST /v1/workers/:id/start', run: 'worker_start', input: ({ worker }) => ({ worker }) },
    'a restart': { path: 'POST /v1/workers/:id/restart', run: 'worker_restart', input: ({ worker }) => ({ worker }) },
    'a sleep': { path: 'POST /v1/workers/:id/sleep', run: 'worker_sleep', input: ({ worker }) => ({ worker }) },
    'a wake': { path: 'POST /v1/workers/:id/wake', run: 'worker_wake', input: ({ worker }) => ({ worker }) },
    'a delete': { path: 'DELETE /v1/workers/:id', run: 'worker_delete', input: ({ worker }) => ({ worker }) },
    'a spawn': {
      path: 'POST /v1/workers',
      run: 'worker_spawn',
      input: ({ alias }) => ({ hive: alias, type: 'ticker' }),
    },
    'the needs of a spawn': {
      path: 'POST /v1/needs',
      run: 'worker_spawn',
      input: ({ alias }) => ({ hive: alias, type: 'ticker' }),
    },
    'a list of plugins': {
      path: 'POST /v1/plugins/list',
      run: 'worker_plugin_list',
      input: ({ alias }) => ({ hive: alias }),
    },
    'a plugin in detail': {
      path: 'POST /v1/plugins/inspect',
      run: 'worker_plugin_inspect',
      input: ({ alias }) => ({ hive: alias, plugin: 'ticker' }),
    },
    'a search for plugins': {
      path: 'POST /v1/plugins/search',
      run: 'worker_plugin_search',
      input: ({ alias }) => ({ hive: alias, offline: true }),
    },
    'pruning plugins': { path: 'POST /v1/plugins/prune', run: 'worker_prune', input: ({ alias }) => ({ hive: alias }) },
    'removing a plugin': {
      path: 'POST /v1/plugins/uninstall',
      run: 'worker_uninstall',
      input: ({ alias }) => ({ hive: alias, plugin: 'ticker' }),
    },
    'an update': {
      path: 'POST /v1/plugins/list',
      run: 'worker_update',
      input: ({ alias }) => ({ hive: alias, offline: true }),
    },
    'a list of models': { path: 'GET /v1/models', run: 'model_list', input: ({ alias }) => ({ hive: alias }) },
    'a model in detail': {
      path: 'POST /v1/models/get',
      run: 'model_get',
      input: ({ alias }) => ({ hive: alias, model: 'hf:a/b' }),
    },
    'removing a model': {
      path: 'POST /v1/models/delete',
      run: 'model_delete',
      input: ({ alias }) => ({ hive: alias, model: 'hf:a/b' }),
    },
    'verifying models': {
      path: 'POST /v1/models/verify',
      run: 'model_verify',
      input: ({ alias }) => ({ hive: alias }),
    },
    'clearing models': { path: 'POST /v1/models/gc', run: 'model_gc', input: ({ alias }) => ({ hive: alias }) },
    'a download': {
      path: 'POST /v1/models/download',
      run: 'model_download',
      input: ({ alias }) => ({ hive: alias, model: 'hf:a/b' }),
    },
    'devices for a delivery': {
      path: 'GET /v1/devices',
      run: 'worker_install',
      input: ({ alias }) => ({ hive: alias, plugin: 'ticker', offline: true }),
    },
    'plugins for a delivery': {
      path: 'POST /v1/plugins/list',
      run: 'worker_install',
      input: ({ alias }) => ({ hive: alias, plugin: 'ticker', offline: true }),
    },
    'an import for a delivery': {
      path: 'POST /v1/plugins/import',
      run: 'worker_install',
      input: ({ alias }) => ({ hive: alias, plugin: 'ticker', offline: true, force: true }),
    },
    'a preparation for a delivery': {
      path: 'POST /v1/plugins/prepare',
      run: 'worker_install',
      input: ({ alias }) => ({ hive: alias, plugin: 'ticker', offline: true }),
    },
    devices: { path: 'GET /v1/devices', run: 'hive_capabilities', input: ({ alias }) => ({ hive: alias }) },
  };

/** Some answers have no consequence on some paths, and null is a valid need: whether they are refused is left open. */
const unread = new Set([
  'the needs of a spawn',
  'an import for a delivery',
  'a preparation for a delivery',
  'a search for plugins',
]);

const shapes = (path: string): Readonly<Record<string, unknown>> => ({
  'a number': 7,
  ...(path.startsWith('GET') ? {} : { null: null }),
  'an empty object': {},
  'lists of numbers': {
    plugins: [7],
    models: [7],
    updates: [7],
    removed: [7],
    devices: [7],
    host: 7,
    notes: [7],
    types: [7],
    files: [7],
  },
});

const results: HiveLie[] = Object.entries(asked).flatMap(([what, { path, run, input }]) =>
  Object.entries(shapes(path)).map(
    ([shape, value]): HiveLie => ({
      name: `${shape} as the answer to ${what}`,
      shown: 'either',
      answers: { [path]: (reply) => (path.startsWith('GET') ? reply.json(value) : reply.lines(outcome(value))) },
      acts: (about) => [{ run, input: input(about), ends: unread.has(what) ? 'either' : 'error' }],
    }),
  ),
);

/** Lies in answers to read requests, which the queen forwards or a sync sends. */
const reading = (
  name: string,
  path: string,
  answer: (reply: Reply) => void,
  act: (about: About) => Act,
  more: Partial<HiveLie> = {},
): HiveLie => ({
  name,
  shown: 'either',
  answers: { [path]: answer },
  acts: (about) => [act(about)],
  ...more,
});

const endless = (start: string) => (reply: Reply) => {
  const piece = Buffer.alloc(2 ** 20, 'x');
  reply.pour((nth) => (nth === 0 ? start : piece));
};

const heavy = { heavy: true, within: 30 } as const;

const reads: HiveLie[] = [
  reading(
    'an endless list of models',
    'GET /v1/models',
    endless('{"models":["'),
    ({ alias }) => ({ run: 'model_list', input: { hive: alias }, ends: 'error' }),
    heavy,
  ),
  reading(
    'endless models for a read',
    'GET /v1/models',
    endless('{"models":["'),
    ({ alias }) => ({ get: `/v1/hives/${alias}/models`, ends: 'error' }),
    heavy,
  ),
  reading(
    'endless devices',
    'GET /v1/devices',
    endless('{"devices":["'),
    ({ alias }) => ({ get: `/v1/hives/${alias}/devices`, ends: 'error' }),
    heavy,
  ),
  reading(
    'an endless state',
    'GET /v1/state',
    endless('{"hostname":"'),
    ({ alias }) => ({ run: 'package_status', input: { hives: [alias] }, ends: 'either' }),
    { ...heavy, once: true },
  ),
  reading(
    'an endless error for a read',
    'GET /v1/devices',
    (reply) => {
      reply.response.writeHead(500);
      endless('{"error":"')(reply);
    },
    ({ alias }) => ({ get: `/v1/hives/${alias}/devices`, ends: 'error' }),
    heavy,
  ),
  reading(
    'an endless log',
    'GET /v1/workers/:id/logs',
    endless('a log\n'),
    ({ worker }) => ({ get: `/v1/workers/${worker}/logs`, ends: 'either' }),
    heavy,
  ),
  reading(
    'control characters in a log',
    'GET /v1/workers/:id/logs',
    (reply) => void reply.response.end(`log ${nasty}\n`),
    ({ worker }) => ({ cli: ['worker', 'logs', worker] }),
  ),
  reading(
    'control characters in a header of a log',
    'GET /v1/workers/:id/logs',
    (reply) =>
      reply.raw(`HTTP/1.1 200 OK\r\nx-evil: ${nasty.replace(/[\r\n\0]/g, '')}\r\ncontent-length: 2\r\n\r\nx\n`),
    ({ worker }) => ({ get: `/v1/workers/${worker}/logs`, ends: 'either' }),
  ),
  reading(
    'no answer about its devices',
    'GET /v1/devices',
    () => {},
    ({ alias }) => ({ run: 'hive_capabilities', input: { hive: alias }, ends: 'stopped' }),
  ),
  reading(
    'control characters in its devices',
    'GET /v1/devices',
    (reply) =>
      reply.json({ devices: [{ ...reply.about.truth.devices[0], name: nasty, id: nasty }], host: {}, notes: [nasty] }),
    ({ alias }) => ({ cli: ['hive', 'capabilities', alias] }),
  ),
  reading(
    'a redirection for its devices',
    'GET /v1/devices',
    (reply) => void reply.response.writeHead(302, { location: `http://127.0.0.1:${reply.about.listener}/` }).end(),
    ({ alias }) => ({ get: `/v1/hives/${alias}/devices`, ends: 'error' }),
  ),
  reading(
    'a catalog that is a number',
    'POST /v1/catalog/refresh',
    (reply) => reply.json(7),
    ({ alias }) => ({ run: 'worker_catalog_refresh', input: { hive: alias }, ends: 'error' }),
  ),
  reading(
    'a catalog of numbers',
    'POST /v1/catalog/refresh',
    (reply) => reply.json([7]),
    ({ alias }) => ({ run: 'worker_catalog_refresh', input: { hive: alias }, ends: 'error' }),
  ),
  ...[7, null, { models: 7 }, { models: [7] }, { models: [{ files: [{ path: '../../x' }] }] }].map((value) =>
    reading(
      `models that are ${JSON.stringify(value)}, for a read`,
      'GET /v1/models',
      (reply) => reply.json(value),
      ({ alias }) => ({ get: `/v1/hives/${alias}/models`, ends: 'error' }),
    ),
  ),
  ...[7, null, {}, { workers: [7] }].map((value) =>
    reading(
      `a state that is ${JSON.stringify(value)}, for a comparison`,
      'GET /v1/state',
      (reply) => reply.json(value),
      ({ alias }) => ({ run: 'package_status', input: { hives: [alias] }, ends: 'either' }),
      { once: true },
    ),
  ),
];

/**
 * The queen delivers what a machine cannot download: the machine says what it lacks, but must not choose what the queen
 * does.
 */
const needing = (name: string, files: (about: About) => Anything[], more: object = {}): HiveLie => ({
  name: `a program that it lacks: ${name}`,
  shown: 'either',
  answers: {
    'POST /v1/plugins/prepare': (reply) => reply.lines({ kind: 'error', error: error('DOWNLOAD_FAILED') }),
    'POST /v1/needs': (reply) => {
      const about = { plugin: 'evil', type: 'evil', variant: 'cpu', sources: ['evil'] };
      const lies = { files: files(reply.about), downloads: '/home/ann/downloads' };
      reply.lines(outcome({ kind: 'program', ...about, ...lies, ...more }));
    },
  },
  acts: ({ alias }) => [{ run: 'worker_install', input: { hive: alias, plugin: 'ticker', yes: true }, ends: 'error' }],
});

const up = '../'.repeat(24);
const sum = 'a'.repeat(64);
const url = ({ listener }: About): string => `http://127.0.0.1:${listener}/x.tar`;

/** What a machine says it lacks when a worker is spawned. The queen delivers the requested type, or nothing. */
const wanting = (name: string, need: unknown, ends: Ends = 'either'): HiveLie => ({
  name: `a spawn that wants ${name}`,
  shown: 'either',
  answers: { 'POST /v1/needs': (reply) => reply.lines(outcome(need)) },
  acts: ({ alias }) => [
    { run: 'worker_spawn', input: { hive: alias, type: 'ticker', ask: true }, ends, never: ['ask'] },
  ],
});

const needs: HiveLie[] = [
  needing('a sum that leads to a file of the queen', (about) => [
    { url: url(about), sha256: `${up}${about.canary}`, there: false },
  ]),
  needing('a sum that is an absolute path', (about) => [{ url: url(about), sha256: about.canary, there: false }]),
  needing('a sum that leads beside the cache', (about) => [{ url: url(about), sha256: '../../canary', there: false }]),
  needing('an address on the loopback of the queen', (about) => [{ url: url(about), sha256: sum, there: false }]),
  needing('a file: address on the queen', ({ canary }) => [{ url: `file://${canary}`, sha256: sum, there: false }]),
  needing('no address', () => [{ url: 'x', sha256: sum, there: false }]),
  needing('numbers', () => [7, null]),
  needing('100,000 files', (about) =>
    Array.from({ length: 100_000 }, () => ({ url: url(about), sha256: sum, there: false })),
  ),
  needing('an invalid folder', (about) => [{ url: url(about), sha256: sum, there: false }], { downloads: 7 }),
  needing('invalid sources', () => [], { sources: 7 }),
  needing('sources without names', () => [], { sources: [{ id: 7, kind: 'evil', files: 'all' }] }),
  ...['@evil/worker-x', '../../../canary', 'https://127.0.0.1/x.tgz', 'file:/etc', '__proto__'].map((plugin) =>
    wanting(`${plugin} brought`, { kind: 'plugin', plugin, version: '1.0.0' }),
  ),
  wanting('the variant of another plugin brought', { kind: 'variant', plugin: '@evil/worker-x', variant: 'cpu' }),
  wanting(
    'a variant brought whose name is a path',
    { kind: 'variant', plugin: 'ticker', variant: '../../canary' },
    'error',
  ),
  wanting('a publisher to be trusted', {
    kind: 'plugin',
    plugin: '@evil/worker',
    publisher: { identity: '@evil/worker@1.0.0', package: 'evil', publisher: nasty, about: [nasty] },
  }),
  wanting('models brought that were not asked for', { kind: 'models', models: ['main', 'evil', '__proto__'] }),
  wanting('models that are a number', { kind: 'models', models: 7 }, 'error'),
  wanting('something that no version knows', { kind: 'dance', plugin: '@evil/worker' }),
  wanting('something without a name', {}, 'error'),
  {
    name: 'a spawn that gives the worker of the honest machine',
    shown: 'either',
    answers: {
      'POST /v1/workers': (reply) => reply.lines(outcome({ ...(own(reply) as object), id: reply.about.good.id })),
    },
    acts: ({ alias }) => [{ run: 'worker_spawn', input: { hive: alias, type: 'ticker' }, ends: 'either' }],
  },
];

const modelNeeds = (name: string, files: (about: About) => Anything): HiveLie => ({
  name: `a model that it lacks: ${name}`,
  shown: 'either',
  answers: {
    'POST /v1/models/download': (reply) => reply.lines({ kind: 'error', error: error('MODEL_HUB_UNREACHABLE') }),
    'POST /v1/models/offer': (reply) => reply.lines(outcome({ files: files(reply.about) })),
  },
  acts: ({ alias }) => [{ run: 'model_download', input: { hive: alias, model: 'hf:acme/Small' }, ends: 'error' }],
});

const models: HiveLie[] = [
  modelNeeds('a path that leads to a file of the queen', ({ canary }) => [
    { path: `${up}${canary}`, bytes: 7, place: '/home/ann/stolen-1' },
  ]),
  modelNeeds('an absolute path', ({ canary }) => [{ path: canary, bytes: 7, place: '/home/ann/stolen-2' }]),
  modelNeeds('a path that is not in the model', () => [{ path: 'other.gguf', bytes: 7, place: '/home/ann/stolen-3' }]),
  modelNeeds('an empty path', () => [{ path: '', bytes: 7, place: '/home/ann/stolen-4' }]),
  modelNeeds('numbers', () => [7]),
  modelNeeds('invalid files', () => 7),
  modelNeeds('an invalid place', () => [{ path: 'small.gguf', bytes: null, place: 7 }]),
  modelNeeds('a place with NUL', () => [{ path: 'small.gguf', bytes: null, place: '/home/ann/x\0y' }]),
  modelNeeds('a place that is relative', () => [{ path: 'small.gguf', bytes: null, place: '../../stolen-5' }]),
];

export const answeredLies: readonly HiveLie[] = [
  ...narrations,
  ...errors,
  ...workerResults,
  ...results,
  ...reads,
  ...needs,
  ...models,
];
