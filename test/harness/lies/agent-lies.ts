/** Every way in which an agent lies here. */
import { type Anything, type Ends, nasty } from './lie.ts';

/** The streams of the agent, for output that is not protocol. */
export interface Mouth {
  say(text: string | Buffer): void;
  complain(text: string | Buffer): void;
  /** Writes the piece again and again while it is accepted, up to 512 MiB. */
  pour(piece: string | Buffer): void;
  exit(code: number): void;
}

export interface AgentLie {
  name: string;
  /** The queen's operation that uses an agent. */
  run: 'hive_ssh_test' | 'hive_logs' | 'hive_start' | 'package_sync';
  ends: Ends;
  /** Replaces its first line; a string is sent as it is. */
  hello?(hello: Anything): unknown;
  /** Replaces results, by method. */
  results?: Readonly<Record<string, (result: Anything) => unknown>>;
  /** Replaces whole answers, by method; undefined: no answer. */
  answers?: Readonly<Record<string, (answer: Anything, mouth: Mouth) => unknown>>;
  /** Runs instead of the agent. */
  instead?(mouth: Mouth): void;
  /** Runs before the agent. */
  first?(mouth: Mouth): void;
  heavy?: true;
  /** Not told together with others: it keeps the machine for itself, or takes more than one agent. */
  alone?: true;
  /** Told at full scale only: other lies are of the same kind. */
  more?: true;
}

const big = 'x'.repeat(2 ** 20);

const hello = (name: string, change: (hello: Anything) => unknown, more: Partial<AgentLie> = {}): AgentLie => ({
  name: `a hello whose ${name}`,
  run: 'hive_logs',
  ends: 'error',
  hello: change,
  ...more,
});

const field = (path: string, value: unknown, more: Partial<AgentLie> = {}): AgentLie =>
  hello(
    `${path} is ${brief(value)}`,
    (said) => {
      const keys = path.split('.');
      const last = keys.pop()!;
      const place = keys.reduce((at, key) => at[key], said);
      if (value === undefined) delete place[last];
      else place[last] = value;
      return said;
    },
    more,
  );

const brief = (value: unknown): string => {
  const text = (JSON.stringify(value) ?? 'missing').replace(/[^ -~]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);
  return text.length > 40 ? `${text.slice(0, 40)}… (${text.length} characters)` : text;
};

const result = (method: string, value: unknown, run: AgentLie['run'], more: Partial<AgentLie> = {}): AgentLie => ({
  name: `the result of ${method} is ${brief(value)}`,
  run,
  ends: 'error',
  results: { [method]: () => value },
  ...(run === 'package_sync' && { alone: true }),
  ...more,
});

const failure = (name: string, error: unknown, more: Partial<AgentLie> = {}): AgentLie => ({
  name: `an error ${name}`,
  run: 'hive_logs',
  ends: 'error',
  answers: { tail: ({ id }) => ({ id, error }) },
  ...more,
});

const either = { ends: 'either' } as const;
const heavy = { heavy: true } as const;
/** Others of the kind are told at any scale. */
const more = { more: true } as const;

const hellos: AgentLie[] = [
  ...['data', 'logs'].map((name) => field(`paths.${name}`, 7)),
  ...['config', 'state', 'cache', 'hiveSocket', 'hivePid', 'runs'].map((name) => field(`paths.${name}`, 7, more)),
  field('paths', undefined),
  field('paths', null, more),
  field('paths.data', undefined, more),
  field('paths.data', '', more),
  field('paths.data', 'relative'),
  field('paths.data', '../..'),
  // A path on its own machine, wherever it leads there.
  field('paths.data', '/home/ann/../../etc', either),
  field('paths.data', '/home/\0ann'),
  field('paths.data', `/${nasty}`),
  field('paths.data', `/${big}`),
  field('paths.logs', 'relative'),
  field('paths.logs', '/x/../../etc', either),
  field('paths.state', ['/home/ann']),
  field('paths.hiveSocket', `/${'s'.repeat(5_000)}`, { run: 'hive_start' }),
  field('execPath', 7, more),
  field('execPath', '', more),
  field('execPath', '../node'),
  field('execPath', '/bin/no\0de'),
  field('platform', null, more),
  field('platform', '../..'),
  field('platform.os', '../..'),
  field('platform.cpu', `x64${nasty}`),
  field('platform.libc', 7, more),
  field('env', null),
  field('env', { A: 7 }),
  hello(
    'environment has 1,000,000 entries',
    (said) => ({
      ...said,
      env: Object.fromEntries(Array.from({ length: 1_000_000 }, (_, nth) => [`V${nth}`, 'x'])),
    }),
    heavy,
  ),
  field('hello', 2, either),
  field('pid', '12', more),
  field('hostname', 7, more),
  field('hostname', nasty),
  field('machineId', {}, more),
  field('user', nasty),
  field('home', 7, more),
  field('node', 26, more),
  field('now', 'noon', more),
  field('now', 1e308, either),
  field('rbeeHome', 7, more),
  field('rbeeHome', '../..'),
  hello('whole is a number', () => ({ hello: 7 })),
  hello('fields are all missing', () => ({ hello: 1 })),
  hello('line is not JSON', () => '{"hello":1,', { ends: 'stopped' }),
  hello('line comes twice', (said) => `${JSON.stringify(said)}\n${JSON.stringify({ ...said, paths: {} })}`, either),
];

const starts: AgentLie[] = [
  {
    name: 'a banner before the hello',
    run: 'hive_logs',
    ends: 'result',
    first: (mouth) => mouth.say(`${nasty}\nWelcome!\n`),
  },
  { name: 'no hello', run: 'hive_logs', ends: 'stopped', instead: () => {} },
  { name: 'an exit at once', run: 'hive_logs', ends: 'error', instead: (mouth) => mouth.exit(3) },
  { name: 'an exit at once that is a success', run: 'hive_logs', ends: 'error', instead: (mouth) => mouth.exit(0) },
  {
    name: 'an agent that sends only an endless line',
    run: 'hive_logs',
    ends: 'error',
    instead: (mouth) => mouth.pour(Buffer.alloc(2 ** 20, 'x')),
    heavy: true,
  },
  {
    name: 'endless lines',
    run: 'hive_logs',
    ends: 'stopped',
    instead: (mouth) => mouth.pour('hello?\n'.repeat(10_000)),
    heavy: true,
  },
  {
    name: 'endless answers and no hello',
    run: 'hive_logs',
    ends: 'stopped',
    instead: (mouth) => mouth.pour('{"id":1,"result":7}\n'.repeat(5_000)),
    heavy: true,
  },
  {
    name: 'a flood on stderr',
    run: 'hive_logs',
    ends: 'either',
    first: (mouth) => mouth.complain(Buffer.alloc(64 * 2 ** 20, 'e')),
    heavy: true,
  },
  {
    name: 'control characters as its last words',
    run: 'hive_logs',
    ends: 'error',
    instead: (mouth) => {
      mouth.complain(`${nasty}\n`);
      mouth.exit(1);
    },
  },
  ...[
    'os=linux\ncpu=x64\ndata=/etc/../\nunpacks=../../x\nfree=-7\nend\n',
    `os=${nasty}\ncpu=x64\ndata=/home/ann\nend\n`,
    'os=../..\ncpu=../..\ndata=\nend\n',
    'os=linux\ncpu=x64\ndata=relative\nruntime=yes\ninstalled=../../x\nend\n',
    'end\n',
  ].map(
    (said): AgentLie => ({
      name: `a machine without rbee, described as ${brief(said)}`,
      run: 'hive_logs',
      ends: 'either',
      alone: true,
      instead: (mouth) => {
        mouth.say(`rbee-absent\n${said}`);
        setTimeout(() => mouth.exit(0), 100);
      },
    }),
  ),
];

const answers: AgentLie[] = [
  ...[7, {}].map((value) => result('readLink', value, 'hive_ssh_test')),
  ...[[], true].map((value) => result('readLink', value, 'hive_ssh_test', more)),
  result('readLink', '../../../canary', 'hive_ssh_test', either),
  result('readLink', `versions/${nasty}`, 'hive_ssh_test', either),
  result('readLink', `versions/${big}`, 'hive_ssh_test', either),
  ...[-1, 'much', null, []].map((value) => result('freeBytes', value, 'hive_ssh_test')),
  ...[7, [7]].map((value) => result('tail', value, 'hive_logs')),
  ...['lines', null, [null], {}].map((value) => result('tail', value, 'hive_logs', more)),
  {
    name: 'a million log lines',
    run: 'hive_logs',
    ends: 'error',
    results: { tail: () => Array.from({ length: 1_000_000 }, () => 'a line') },
    heavy: true,
  },
  {
    name: 'more log lines than requested',
    run: 'hive_logs',
    ends: 'either',
    results: { tail: () => Array.from({ length: 5_000 }, () => 'x') },
  },
  ...[7, { socketPath: 7, port: 18_000 }, { socketPath: '/x\0', port: 70_000 }].map((value) =>
    result('openDoors', value, 'hive_start'),
  ),
  ...[null, {}, { socketPath: '/x', port: '18000' }, { socketPath: '/x', port: -1 }].map((value) =>
    result('openDoors', value, 'hive_start', more),
  ),
  ...[7, null, { status: 'fine' }, { status: 200, body: 7 }].map((value) =>
    result('request', value, 'hive_start', { ends: 'stopped' }),
  ),
  ...[7, { held: 'yes' }, { held: false }].map((value) => result('lease', value, 'package_sync')),
  ...[null, 'held', {}, { held: false, owner: 7, about: nasty, since: {} }].map((value) =>
    result('lease', value, 'package_sync', more),
  ),
  ...[7, [7], ['../../x'], ['.', '..']].map((value) => result('list', value, 'package_sync')),
  ...[null, ['a/b'], [''], [nasty]].map((value) => result('list', value, 'package_sync', more)),
  {
    name: 'the list of a folder has a million names',
    run: 'package_sync',
    alone: true,
    ends: 'error',
    results: { list: () => Array.from({ length: 1_000_000 }, (_, nth) => `n${nth}`) },
    heavy: true,
  },
  failure('that is a number', 7),
  failure('that is null', null),
  failure('without a message', {}),
  failure('whose message is a list', { message: [] }),
  failure('whose message is a megabyte', { message: big }),
  failure('of control characters', { message: nasty, code: nasty }),
  failure('whose code is a number', { message: 'x', code: 7 }),
  failure('whose body is a number', { message: 'x', body: 7 }),
  failure('whose body has no known code', { message: 'x', body: { code: 'evil', message: 'x', hint: '', lines: [] } }),
  failure('whose body has lines of numbers', {
    message: 'x',
    body: { code: 'TIMEOUT', message: 'x', hint: 'x', lines: [7] },
  }),
  failure('that asks to trust a publisher', {
    message: 'x',
    body: { code: 'PUBLISHER_UNKNOWN', message: 'x', hint: 'x', lines: ['@evil/worker@1.0.0'] },
  }),
  {
    name: 'an answer to a request that was never sent',
    run: 'hive_logs',
    ends: 'result',
    answers: { tail: (answer) => `${JSON.stringify({ id: 999, result: 7 })}\n${JSON.stringify(answer)}` },
  },
  {
    name: 'an answer twice',
    run: 'hive_logs',
    ends: 'result',
    answers: { tail: (answer) => `${JSON.stringify(answer)}\n${JSON.stringify({ ...answer, result: 7 })}` },
  },
  {
    name: 'an answer without an outcome',
    run: 'hive_logs',
    ends: 'either',
    answers: { tail: ({ id }) => ({ id }) },
  },
  {
    name: 'an answer whose id is a string',
    run: 'hive_logs',
    ends: 'stopped',
    answers: { tail: ({ id, result: value }) => ({ id: String(id), result: value }) },
  },
  { name: 'no answer to one method', run: 'hive_logs', ends: 'stopped', answers: { tail: () => undefined } },
  { name: 'no answer to another method', run: 'hive_logs', ends: 'stopped', answers: { tail: () => undefined } },
  {
    name: 'an endless answer',
    run: 'hive_logs',
    ends: 'error',
    answers: {
      tail: ({ id }, mouth) => {
        mouth.say(`{"id":${id},"result":"`);
        mouth.pour(Buffer.alloc(2 ** 20, 'x'));
      },
    },
    heavy: true,
  },
  {
    name: 'a flood of answers to requests that were never sent',
    run: 'hive_logs',
    ends: 'stopped',
    answers: { tail: (_answer, mouth) => mouth.pour('{"id":999999,"result":7}\n'.repeat(5_000)) },
    heavy: true,
  },
  {
    name: 'an end in the middle of an answer',
    run: 'hive_logs',
    ends: 'error',
    answers: {
      tail: ({ id }, mouth) => {
        mouth.say(`{"id":${id},"res`);
        setTimeout(() => mouth.exit(0), 100);
      },
    },
  },
];

export const agentLies: readonly AgentLie[] = [...hellos, ...starts, ...answers];
