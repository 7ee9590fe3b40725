/** Lies in the heartbeat stream: bytes that form no answer, line or heartbeat, too many of them, or none. */
import { gzipSync } from 'node:zlib';
import { type Anything, type HiveLie, nasty, type Reply, type Shown, sameLine } from './lie.ts';

/** The whole answer, written by hand. */
const raw = (name: string, text: (about: Reply['about']) => string | Buffer, shown: Shown = 'away'): HiveLie => ({
  name,
  shown,
  beats: (reply) => reply.raw(text(reply.about)),
});

/** The truth first, so that the hive is online, and then a line. */
const line = (name: string, text: string | Buffer, shown: Shown = 'faulty'): HiveLie => ({
  name,
  shown,
  beats: (reply, state) => reply.pour((nth) => (nth === 1 ? text : `${sameLine(state)}\n`), { everyMs: 100 }),
});

/** A line instead of the first heartbeat. */
const first = (name: string, value: unknown, shown: Shown = 'faulty'): HiveLie => ({
  name,
  shown,
  beats: (reply) => reply.pour(() => `${JSON.stringify(value)}\n`, { everyMs: 500 }),
});

const chunked = 'HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n';
const html = '<html><body>502 Bad Gateway</body></html>';

export const streamedLies: readonly HiveLie[] = [
  line('a heartbeat that is not JSON', 'hello\n'),
  line('half of a JSON value in a line', '{"kind":"state","revision":\n'),
  line('a heartbeat of NUL', Buffer.from('\0\0\0\n')),
  line('a heartbeat of invalid UTF-8', Buffer.from([0xff, 0xfe, 0x80, 0x0a])),
  line('a heartbeat of control characters', `${nasty}\n`),
  ...[7, 'tick', null, [], true, {}].map((value) => first(`a heartbeat that is ${JSON.stringify(value)}`, value)),
  first('a heartbeat of an unknown kind', { kind: 'dance', revision: 1 }, 'either'),
  first('a heartbeat whose kind is a list', { kind: ['state'], revision: 1 }),
  first('a state heartbeat without a state', { kind: 'state', revision: 1 }),
  ...[null, 7, 'state', [], {}].map((state) =>
    first(`a state that is ${JSON.stringify(state)}`, { kind: 'state', revision: 1, state }),
  ),
  ...['1', null, 'NaN', {}].map(
    (revision): HiveLie => ({
      name: `a revision that is ${JSON.stringify(revision)}`,
      shown: 'faulty',
      reason: /revision/,
      beats: (reply, state) =>
        reply.pour(() => `${JSON.stringify({ kind: 'state', revision, state })}\n`, { everyMs: 500 }),
    }),
  ),
  {
    name: 'no revision',
    shown: 'faulty',
    reason: /revision/,
    beats: (reply, state) => reply.pour(() => `${JSON.stringify({ kind: 'state', state })}\n`, { everyMs: 500 }),
  },
  first('ticks before any state', { kind: 'tick', revision: 1 }, 'either'),
  {
    name: 'an endless line',
    shown: 'away',
    heavy: true,
    within: 30,
    beats: (reply) => {
      const piece = Buffer.alloc(2 ** 20, 'x');
      reply.pour((nth) => (nth === 0 ? '{"kind":"state","revision":1,"state":"' : piece));
    },
  },
  {
    name: 'endless blank lines',
    shown: 'away',
    heavy: true,
    within: 30,
    beats: (reply) => {
      const piece = Buffer.alloc(2 ** 16, '\n');
      reply.pour(() => piece);
    },
  },
  {
    name: 'a flood of ticks',
    shown: 'away',
    heavy: true,
    within: 30,
    beats: (reply, state) => {
      const ticks = Buffer.from('{"kind":"tick","revision":1}\n'.repeat(2_000));
      reply.pour((nth) => (nth === 0 ? `${sameLine(state)}\n` : ticks));
    },
  },
  {
    name: 'a flood of full states',
    shown: 'away',
    heavy: true,
    within: 30,
    beats: (reply, state) => {
      const states = Buffer.from(`${sameLine(state)}\n`.repeat(50));
      reply.pour(() => states);
    },
  },
  {
    name: 'half a line, then the end',
    shown: 'away',
    beats: ({ response }) => {
      response.write('{"kind":"state","rev');
      response.end();
    },
  },
  { name: 'half a line, then a broken connection', shown: 'away', beats: (reply) => halfThenCut(reply) },
  {
    name: 'an end after each heartbeat',
    shown: 'either',
    beats: ({ response }, state: Anything) => void response.end(`${sameLine(state)}\n`),
  },
  {
    name: 'one byte a second',
    shown: 'away',
    within: 20,
    beats: (reply, state) => {
      const text = sameLine(state);
      reply.pour((nth) => text[nth] ?? ' ', { everyMs: 1_000 });
    },
  },
  {
    name: 'silence after the headers',
    shown: 'away',
    within: 20,
    beats: ({ response }) => response.flushHeaders(),
  },
  { name: 'no answer at all', shown: 'away', within: 20, beats: () => {} },
  { name: 'a connection that ends at once', shown: 'away', beats: (reply) => reply.cut() },
  raw(
    'status 500 with a page',
    () => `HTTP/1.1 500 Oops\r\ncontent-type: text/html\r\ncontent-length: ${html.length}\r\n\r\n${html}`,
  ),
  raw('status 404 with nothing', () => 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'),
  raw('status 204', () => 'HTTP/1.1 204 No Content\r\n\r\n'),
  raw(
    'a redirection to loopback',
    ({ listener }) => `HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:${listener}/\r\ncontent-length: 0\r\n\r\n`,
  ),
  raw(
    'a switch of protocols',
    () => 'HTTP/1.1 101 Switching Protocols\r\nupgrade: evil\r\nconnection: upgrade\r\n\r\nhello',
  ),
  raw(
    'a page instead of heartbeats',
    () => `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: ${html.length}\r\n\r\n${html}`,
  ),
  raw('more bytes promised than sent', () => 'HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{"kind":'),
  raw(
    'fewer bytes promised than sent',
    () => 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{"kind":"tick","revision":1}\n',
  ),
  raw('invalid chunks', () => `${chunked}zzzz\r\nhello\r\n`),
  raw('an endless chunk', () => `${chunked}fffffffff\r\n{"kind"`),
  raw('another protocol', () => 'SSH-2.0-OpenSSH_9.2\r\n'),
  raw('NUL instead of HTTP', () => Buffer.alloc(1_000)),
  raw('a header of a megabyte', () => `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(2 ** 20)}\r\n\r\n`),
  raw('endless headers', () => `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(100_000)}`),
  {
    name: 'a gzip bomb',
    shown: 'away',
    heavy: true,
    beats: (reply) => {
      const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20, 'x'));
      reply.raw(
        Buffer.concat([
          Buffer.from(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`),
          bomb,
        ]),
      );
    },
  },
  {
    name: 'heartbeats with U+2028 in them',
    shown: 'online',
    state: (state) => {
      state.workers[0].failure = null;
      state.workers[0].options = { stop: '\u2028\u2029' };
      return state;
    },
  },
];

const halfThenCut = (reply: Reply): void => {
  reply.response.write('{"kind":"state","rev', () => reply.cut());
};
