/** What clients do out of habit, and requests to workers that are not ready just then, through a real queen and real workers. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createHome, killAndWait, type TestHome } from '../harness/home.ts';
import { until } from '../harness/until.ts';

let home: TestHome;
let url: string;
before(async () => {
  home = createHome({ queen: '[aliases]\n"gpt-4o" = "demo"\n' });
  ({ url } = await home.json(['queen', 'start']));
});
after(() => home.close());

const chat = (model: string, more = {}) =>
  JSON.stringify({ model, max_tokens: 2, messages: [{ role: 'user', content: 'hi' }], ...more });

interface Answer {
  status: number;
  retry: string | undefined;
  text: string;
}

/** A request without any header that is not given. */
const send = (path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const outgoing = request(new URL(url).origin, { method: 'POST', path, headers }, async (response) => {
      const { 'retry-after': retry } = response.headers;
      resolve({ status: response.statusCode ?? 0, retry, text: await text(response) });
    });
    outgoing.on('error', reject).end(body);
  });
const path = '/v1/chat/completions';
const json = { 'content-type': 'application/json' };

interface Listed {
  id: string;
  state: string;
}
const models = async () => ((await (await fetch(`${url}/v1/models`)).json()) as { data: Listed[] }).data;
const stateOf = async (id: string) => (await models()).find((model) => model.id === id)?.state;

const spawn = (...args: string[]) => [
  ...['worker', 'spawn', '--type', 'fake', '--device', 'cpu', '--name', 'demo'],
  ...args.flatMap((arg) => ['--option', `args=${arg}`]),
];
let worker: { id: string };

test('a request waits for a worker that is just loading', async () => {
  const starting = home.json(spawn('["--ready-after","1000"]'));
  await until(async () => (await stateOf('demo')) === 'loading', { what: 'the model is listed' });
  const answer = await send(path, chat('demo'), json);
  assert.equal(answer.status, 200, answer.text);
  worker = await starting;
  assert.equal(await stateOf('demo'), 'ready');
});

test('a request waits for a worker that restarts, and its model stays in the list', async () => {
  const { pid } = await home.json(['worker', 'get', worker.id]);
  let isOver = false;
  const watching = (async () => {
    const seen = new Set<string | undefined>();
    while (!isOver) seen.add(await stateOf('demo'));
    return seen;
  })();
  try {
    await killAndWait(pid);
    const answers = await Promise.all([1, 2, 3].map(() => send(path, chat('demo'), json)));
    for (const { status, text } of answers) assert.equal(status, 200, text);
    const restarting = home.json(['worker', 'restart', worker.id]);
    await until(async () => (await stateOf('demo')) === 'loading', { what: 'it restarts' });
    assert.equal((await send(path, chat('demo'), json)).status, 200);
    await restarting;
  } finally {
    isOver = true;
  }
  assert.deepEqual([...(await watching)].sort(), ['loading', 'ready']);
  assert.equal((await home.json(['worker', 'get', worker.id])).restarts, 1);
});

test('names, paths, content types and compression are taken as clients send them', async () => {
  for (const model of ['demo', 'demo:latest', 'gpt-4o', 'gpt-4o:latest']) {
    const { status, text } = await send(path, chat(model), json);
    assert.equal(status, 200, text);
    assert.equal(JSON.parse(text).model, 'demo');
  }
  assert.deepEqual(
    (await models()).map(({ id }) => id),
    ['demo', 'gpt-4o'],
  );
  for (const one of ['/chat/completions', `/${path}`, `${path}/`])
    assert.equal((await send(one, chat('demo'), json)).status, 200, one);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded'])
    assert.equal((await send(path, chat('demo'), { 'content-type': type })).status, 200, type);
  assert.equal((await send(path, chat('demo'))).status, 200);
  assert.equal((await send(path, gzipSync(chat('demo')), { ...json, 'content-encoding': 'gzip' })).status, 200);
  assert.equal((await send(path, 'not gzip', { ...json, 'content-encoding': 'gzip' })).status, 400);
  for (const method of ['GET', 'HEAD']) assert.equal((await fetch(url, { method })).status, 200);
});

test('a client of HTTP/1.0 gets answers and streams', async () => {
  for (const stream of [false, true]) {
    const body = chat('demo', { stream });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(`POST ${path} HTTP/1.0\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    const answer = await text(socket);
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/, answer);
    assert.doesNotMatch(answer, /chunked/i);
    assert.match(answer, stream ? /\n\ndata: \[DONE\]\n\n$/ : /token1 token2/);
  }
});

test('a request to a worker that is stopped fails at once, and its model is not listed', async () => {
  await home.json(['worker', 'stop', worker.id]);
  const { status, retry, text } = await send(path, chat('gpt-4o'), json);
  assert.deepEqual([status, retry], [503, undefined]);
  assert.match(text, new RegExp(`${worker.id} is stopped.*rbee worker start ${worker.id}`));
  assert.deepEqual(await models(), []);
});
