/** Lies about the hive itself: heartbeats that are valid JSON with false content. */
import { type About, type Act, type Anything, type HiveLie, nasty, type Shown } from './lie.ts';

/** The state with its one worker changed. */
const worker =
  (change: (worker: Anything, about: About) => void) =>
  (state: Anything, about: About): Anything => {
    change(state.workers[0], about);
    return state;
  };

/** Free text may hold anything; it is made harmless where it is shown. */
const views = ({ alias, worker: id }: About): Act[] => [
  { cli: ['hive', 'get', alias] },
  { cli: ['worker', 'get', id] },
  { cli: ['worker', 'list'] },
];

const chat = ({ model }: About): Act[] => [{ chat: model }];

const set = (path: string, value: unknown, shown: Shown = 'faulty', more: Partial<HiveLie> = {}): HiveLie => ({
  name: `${path} is ${brief(value)}`,
  shown,
  ...(shown === 'faulty' && { reason: new RegExp(path.split('.').at(-1)!) }),
  state: (state) => change(state, path, value),
  ...more,
});

const without = (path: string, shown: Shown = 'faulty'): HiveLie => ({
  name: `${path} is missing`,
  shown,
  ...(shown === 'faulty' && { reason: new RegExp(path.split('.').at(-1)!) }),
  state: (state) => change(state, path, undefined),
});

const brief = (value: unknown): string => {
  const text = (JSON.stringify(value) ?? 'absent').replace(/[^ -~]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);
  return text.length > 40 ? `${text.slice(0, 40)}… (${text.length} characters)` : text;
};

/** Sets a path such as `workers.0.names` in place. */
const change = (state: Anything, path: string, value: unknown): Anything => {
  const keys = path.split('.');
  const last = keys.pop()!;
  const place = keys.reduce((at, key) => at[key], state);
  if (value === undefined) delete place[last];
  else place[last] = value;
  return state;
};

const workerFields: Readonly<Record<string, unknown>> = {
  id: 7,
  type: 7,
  variant: null,
  device: {},
  model: 7,
  names: 'chat',
  reference: [],
  state: 7,
  progress: 'half',
  pid: '12',
  port: '18000',
  engine: 7,
  plugin: null,
  pluginVersion: 1,
  startedAt: 7,
  readyAt: {},
  readyMs: 'soon',
  restarts: 'many',
  running: '1',
  waiting: [],
  failure: 'yes',
  options: 7,
  logFile: 7,
  apiKey: 7,
  serves: 'everything',
  closesOnlyWhenIdle: 'yes',
};

const stateFields: Readonly<Record<string, unknown>> = {
  machineId: 7,
  hostname: null,
  version: {},
  pid: '12',
  instance: 7,
  startedAt: 7,
  devices: {},
  memory: 7,
  cpu: 'fast',
  catalog: {},
  workers: {},
};

/** Fields that code is likely to trip over. */
const telling = new Set([
  'id',
  'names',
  'state',
  'port',
  'serves',
  'apiKey',
  'failure',
  'options',
  'workers',
  'devices',
  'catalog',
  'memory',
]);
const moreUnlessTelling = (lie: HiveLie): HiveLie => {
  const field = /^[\w.]*?(\w+) is/.exec(lie.name)?.[1] ?? '';
  return telling.has(field) ? lie : { ...lie, more: true };
};

/** Each field once without a value, and once with a value of another type. */
const fields: HiveLie[] = [
  ...Object.keys(workerFields).map((field) => without(`workers.0.${field}`)),
  ...Object.entries(workerFields).map(([field, value]) => set(`workers.0.${field}`, value)),
  ...Object.keys(stateFields).map((field) => without(field)),
  ...Object.entries(stateFields).map(([field, value]) => set(field, value)),
  // Fields that are not needed may be dropped or refused.
  ...Object.entries({ hive: 7, spec: 7, suspect: 'x', givenOptions: 7, declaration: 7, kinds: 7 }).map(
    ([field, value]) => set(`workers.0.${field}`, value, 'either'),
  ),
  ...Object.entries({ slots: 0, abilities: { tools: nasty }, unserved: [{ path: 7, hint: 7 }], paths: [7] }).map(
    ([field, value]) => set(`workers.0.${field}`, value, 'either'),
  ),
  ...[{ RBEE_API_KEY: 'x' }, { HF_TOKEN: 7 }, { 'A=B': 'x' }].map((environment) =>
    set('workers.0.spec.environment', environment, 'either'),
  ),
  ...Object.entries({ id: 7, kind: null, name: {}, memory: 'much' }).map(([field, value]) =>
    set(`devices.0.${field}`, value),
  ),
  ...Object.entries({
    type: 7,
    aliases: 'a',
    plugin: null,
    version: 1,
    summary: [],
    serves: [7],
    variants: 'cpu',
    installed: null,
  }).map(([field, value]) => set(`catalog.0.${field}`, value)),
].map(moreUnlessTelling);

const ids: HiveLie[] = [
  '',
  'a/b',
  '..',
  '__proto__',
  '../../../canary',
  'UPPER',
  'x'.repeat(10_000),
  nasty,
  'w\u0000',
  'w 1',
].map((id) => set('workers.0.id', id));

const ports: HiveLie[] = [
  ...[0, 70_000, -1, 1.5, 2 ** 60].map((port) => set('workers.0.port', port, 'faulty', { acts: chat })),
  // Ports of other services on its machine: the hive may be faulty or the worker skipped, but the port is never
  // dialled.
  set('workers.0.port', 22, 'either', { acts: chat }),
  ...[0, 1, 2].map(
    (nth): HiveLie => ({
      name: `a worker on a port outside the pool (bait ${nth + 1})`,
      shown: 'either',
      state: worker((one, { baits }) => {
        one.port = baits[nth];
      }),
      acts: chat,
    }),
  ),
];

const served: HiveLie[] = [
  set('workers.0.names', null, 'faulty', { acts: chat }),
  set('workers.0.names', [7, 8]),
  set('workers.0.names', [null]),
  set('workers.0.names', [['m']]),
  set('workers.0.names', ['']),
  set('workers.0.names', ['__proto__'], 'either', { acts: () => [{ chat: '__proto__' }] }),
  set('workers.0.names', ['x'.repeat(10_000)]),
  set('workers.0.names', [nasty]),
  set('workers.0.names', ['constructor', 'toString'], 'online', { acts: () => [{ chat: 'hasOwnProperty' }] }),
  set('workers.0.model', nasty),
  {
    ...set(
      'workers.0.names',
      Array.from({ length: 100_000 }, (_, nth) => `n${nth}`),
    ),
    heavy: true,
  },
  // Small enough for a line, and wrong in a million places.
  {
    ...set(
      'workers.0.names',
      Array.from({ length: 1_000_000 }, () => ''),
    ),
    reason: /names|values/,
    heavy: true,
  },
  set('workers.0.serves', null, 'faulty', { acts: chat }),
  set('workers.0.serves', [7]),
  set('workers.0.serves', [null]),
  set('workers.0.serves', [{ kind: 'chat' }]),
  set('workers.0.serves', [{ path: 7, kind: 'chat' }]),
  set('workers.0.serves', [{ path: '/v1/chat/completions', kind: 7 }]),
  set('workers.0.serves', [{ path: 'v1/chat/completions', kind: 'chat' }]),
  set('workers.0.serves', [{ path: '/x\r\nhost: evil', kind: 'chat' }]),
  set('workers.0.serves', [{ path: '/x', kind: 'chat', method: 'CONNECT' }]),
  set('workers.0.serves', [{ path: '/x', kind: 'chat', method: [] }]),
  set('workers.0.serves', [{ path: '/x', kind: 'chat', accepts: ['text/plain\r\nx: y'] }], 'either'),
  set('workers.0.serves', [{ path: '/x', kind: 'chat', affinity: { '__proto__ ': 'id' } }], 'either'),
  set('workers.0.serves', [{ path: '/x', kind: 'chat', affinity: { id: 7 } }], 'either'),
  set('workers.0.serves', [{ path: '/{a}/{b}', kind: 'other' }], 'either'),
  set('workers.0.serves', [{ path: `/${'x'.repeat(2 ** 20)}`, kind: 'chat' }]),
  // The queen's own paths stay its own.
  set('workers.0.serves', [{ path: '/health', kind: 'chat' }], 'either'),
  set('workers.0.serves', [{ path: '/v1/jobs', kind: 'chat' }], 'either'),
  set('workers.0.serves', [{ path: '/v1/models', kind: 'chat' }], 'either'),
  {
    ...set(
      'workers.0.serves',
      Array.from({ length: 100_000 }, (_, nth) => ({ path: `/${nth}`, kind: 'chat' })),
    ),
    heavy: true,
  },
  set('workers.0.apiKey', 'a\r\nx-evil: 1', 'faulty', { acts: chat }),
  set('workers.0.apiKey', 'k'.repeat(2 ** 20), 'faulty', { acts: chat }),
  set('workers.0.apiKey', nasty),
  {
    name: 'a worker with the served name of the honest worker',
    shown: 'online',
    state: worker((one, { good }) => {
      one.model = good.name;
      one.names = [good.name];
    }),
  },
];

const other: HiveLie[] = [
  ...[7, null, 'worker', [], {}].map((value) => set('workers.0', value, 'faulty', { reason: /workers/ })),
  set('workers.0.state', 'dancing', 'either', { acts: chat }),
  set('workers.0.state', '__proto__', 'either', { acts: chat }),
  set('workers.0.state', nasty),
  set('workers.0.engine', nasty),
  set('workers.0.type', nasty),
  set('workers.0.device', nasty),
  set('workers.0.pluginVersion', nasty),
  set('workers.0.logFile', `/x${nasty}`),
  set('workers.0.progress', 7, 'either'),
  set('workers.0.restarts', 1e308, 'either'),
  set('workers.0.running', -1, 'either', { acts: chat }),
  set('workers.0.pid', -1, 'either'),
  set('workers.0.startedAt', 'yesterday', 'either'),
  set('workers.0.readyAt', nasty),
  set('workers.0.readyMs', 'NaN'),
  set('workers.0.reference', nasty),
  set('workers.0.declaration', '../../../canary', 'either'),
  set(
    'workers.0.failure',
    {
      cause: nasty,
      message: nasty,
      hint: nasty,
      exitCode: 1,
      signal: null,
      log: [nasty],
      at: 'x',
    },
    'either',
    { acts: views },
  ),
  set(
    'workers.0.failure',
    {
      cause: 'crash',
      message: 'x'.repeat(2 ** 20),
      hint: '',
      exitCode: 1,
      signal: null,
      log: [],
      at: new Date(0).toISOString(),
    },
    'either',
    { acts: views },
  ),
  {
    name: 'options with the keys of a prototype',
    shown: 'either',
    beats: (reply, state) => {
      state.workers[0].options = { here: 1 };
      const line = JSON.stringify({ kind: 'state', revision: 1, state });
      const bad = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
      reply.pour((nth) => (nth === 0 ? `${line.replace('{"here":1}', bad)}\n` : '{"kind":"tick","revision":1}\n'), {
        everyMs: 500,
      });
    },
  },
  {
    name: 'options nested 100,000 deep',
    shown: 'faulty',
    heavy: true,
    beats: (reply, state) => {
      state.workers[0].options = { deep: 'here' };
      const line = JSON.stringify({ kind: 'state', revision: 1, state });
      const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
      reply.pour((nth) => (nth === 0 ? `${line.replace('"here"', deep)}\n` : '{"kind":"tick","revision":1}\n'), {
        everyMs: 500,
      });
    },
  },
  {
    name: '400,000 invalid options',
    shown: 'faulty',
    heavy: true,
    state: worker((one) => {
      one.options = Object.fromEntries(Array.from({ length: 400_000 }, (_, nth) => [`-${nth}`, {}]));
    }),
  },
  {
    name: '1,000,000 invalid workers',
    shown: 'faulty',
    reason: /workers|values/,
    heavy: true,
    state: (state) => ({ ...state, workers: Array.from({ length: 1_000_000 }, () => 7) }),
  },
  {
    name: 'two workers with one id',
    shown: 'faulty',
    reason: /id|worker/,
    state: (state) => ({ ...state, workers: [state.workers[0], { ...state.workers[0], names: ['twice'] }] }),
  },
  {
    name: 'a worker with the alias of another hive as its id',
    shown: 'online',
    state: worker((one) => {
      one.id = 'good';
    }),
  },
  {
    name: 'a worker called constructor',
    shown: 'online',
    state: worker((one) => {
      one.id = 'constructor';
    }),
    acts: () => [{ get: '/v1/workers/toString', ends: 'error' }],
  },
  {
    name: '100,000 workers',
    shown: 'faulty',
    reason: /workers|line/,
    heavy: true,
    state: (state) => ({
      ...state,
      workers: Array.from({ length: 100_000 }, (_, nth) => ({ ...state.workers[0], id: `w-${nth}` })),
    }),
  },
  {
    name: '1,000,000 devices',
    shown: 'faulty',
    heavy: true,
    state: (state) => ({ ...state, devices: Array.from({ length: 1_000_000 }, () => ({ id: 'cpu' })) }),
  },
  {
    name: '100,000 valid devices',
    shown: 'faulty',
    reason: /devices|line/,
    heavy: true,
    state: (state) => ({ ...state, devices: Array.from({ length: 100_000 }, () => state.devices[0]) }),
  },
  {
    name: '100,000 worker types',
    shown: 'faulty',
    reason: /catalog|line/,
    heavy: true,
    state: (state) => ({ ...state, catalog: Array.from({ length: 100_000 }, () => state.catalog[0]) }),
  },
  ...[null, [7], ['type'], [null]].map((catalog) => set('catalog', catalog)),
  set('devices', [null]),
  set('devices.0.name', nasty, 'either', { acts: views }),
  set('devices.0.id', nasty),
  set('memory', { total: -1, available: -5 }, 'either'),
  set('memory', { total: '1', available: null }),
  set('memory', { total: 1e308, available: 1e308 }, 'either'),
  set('cpu', { model: nasty, cores: 1 }, 'either', { acts: views }),
  set('cpu', { model: 'x', cores: -3 }, 'either'),
  set('hostname', nasty, 'either', { acts: views }),
  set('hostname', 'x'.repeat(2 ** 20), 'either'),
  set('hostname', '__proto__', 'either'),
  set('version', '99.99.99', 'either'),
  set('version', 'not a version', 'either'),
  set('version', nasty),
  set('version', 'x'.repeat(2 ** 20)),
  set('build', '../../../canary', 'either'),
  set('build', nasty),
  set('pid', 1, 'either'),
  set('startedAt', 'in the year of the bee', 'either'),
  set('machineId', 'x'.repeat(2 ** 20)),
  {
    name: 'the machine id of the honest machine',
    shown: 'either',
    state: (state, { good }) => ({ ...state, machineId: good.machineId }),
  },
  {
    name: 'fields that a later version might have',
    shown: 'online',
    state: (state) => ({
      ...state,
      weather: { sunny: true },
      workers: [{ ...state.workers[0], mood: 'good', __proto__x: 1 }],
    }),
    acts: chat,
  },
  {
    name: 'a different instance with each heartbeat',
    shown: 'either',
    beats: (reply, state) =>
      reply.pour(
        (nth) => `${JSON.stringify({ kind: 'state', revision: nth, state: { ...state, instance: `i-${nth}` } })}\n`,
        { everyMs: 50 },
      ),
  },
  {
    name: 'revisions that go backwards',
    shown: 'either',
    beats: (reply, state) =>
      reply.pour((nth) => `${JSON.stringify({ kind: 'state', revision: 1_000 - nth, state })}\n`, { everyMs: 200 }),
  },
  {
    name: 'a different worker with each heartbeat',
    shown: 'either',
    beats: (reply, state) =>
      reply.pour(
        (nth) => {
          const workers = [{ ...state.workers[0], startedAt: new Date(nth).toISOString(), port: 18_000 + (nth % 900) }];
          return `${JSON.stringify({ kind: 'state', revision: nth, state: { ...state, workers } })}\n`;
        },
        { everyMs: 50 },
      ),
  },
];

/** For separate tests in which the machine poses as an engine and records what it receives. */
export const trapLies: readonly HiveLie[] = [
  {
    name: 'a worker with the id of the honest worker, in a trap',
    shown: 'online',
    state: worker((one, { good, trap }) => {
      Object.assign(one, { id: good.id, port: trap, apiKey: 'key-of-the-trap' });
    }),
  },
  {
    name: 'a worker with the id and name of the honest worker, in a trap',
    shown: 'online',
    state: worker((one, { good, trap }) => {
      Object.assign(one, { id: good.id, model: good.name, names: [good.name], port: trap, apiKey: 'key-of-the-trap' });
    }),
  },
];

export const toldLies: readonly HiveLie[] = [...fields, ...ids, ...ports, ...served, ...other];
