/** Random requests at the address for applications, through a real queen: each gets a proper answer, and nothing is left behind. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';
import { type RawAnswer, readAnswers } from '../harness/raw-answers.ts';
import { type Random, type RawRequest, randomFrom, rawRequest } from '../harness/raw-requests.ts';
import { resourceUsageOf } from '../harness/resource-usage.ts';
import { scaled, until } from '../harness/until.ts';

const model = 'demo';
const total = scaled(50_000, 300);
const concurrency = 32;
/** A connection may take this long, on a busy machine. */
const deadlineMs = 30_000;
/** A request that is not complete may get no answer. */
const idleMs = 200;
/** The heap grows until its limits are reached, so what comes after the first requests is compared. */
const warmUp = Math.floor(total / 5);
const maxGrowth = 64 * 1024 * 1024;
const seed = Number(process.env['RBEE_FUZZ_SEED'] ?? Date.now() % 1_000_000);

let home: TestHome;
let port: number;
let queen: number;
let worker: { id: string; pid: number; port: number };
before(async () => {
  home = createHome();
  worker = await home.json(['worker', 'spawn', '--type', 'fake', '--device', 'cpu', '--name', model]);
  const { url, pid } = await home.json(['queen', 'status']);
  port = Number(new URL(url).port);
  queen = pid;
});
after(() => home.close());

/** The first answers, or none if the queen waits for more; rejects if the connection does not end in time. */
const exchange = (request: RawRequest): Promise<RawAnswer[]> =>
  new Promise((resolve, reject) => {
    const { pieces, isCut, isWhole, method } = request;
    const received: Buffer[] = [];
    let answers: RawAnswer[] | undefined;
    let problem: unknown;
    let idle: NodeJS.Timeout | undefined;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const timer = setTimeout(() => {
      problem = new Error(`the connection is still open after ${deadlineMs / 1_000} s`);
      socket.destroy();
    }, deadlineMs);
    const read = () => {
      try {
        const all = readAnswers(Buffer.concat(received), { isHead: method === 'HEAD' });
        if (all.length > 0) answers ??= all;
      } catch (error) {
        problem = error;
      }
      // Node drops requests of clients that close their side, so it stays open until the answer is here.
      if (answers && !socket.writableEnded) socket.end();
    };
    socket.on('data', (data: Buffer) => {
      received.push(data);
      if (!answers) read();
    });
    // The queen may close before it has read everything.
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timer);
      clearTimeout(idle);
      if (isCut || answers) resolve(answers ?? []);
      else if (problem && received.length > 0) reject(problem);
      else if (isWhole || problem) reject(problem ?? new Error('no answer'));
      else resolve([]);
    });
    socket.once('connect', async () => {
      for (const piece of pieces) {
        if (socket.writable) socket.write(piece);
        if (pieces.length > 1) await new Promise(setImmediate);
      }
      if (isCut) socket.destroySoon();
      else if (!isWhole) idle = setTimeout(() => socket.end(), idleMs);
    });
  });

/** Paths of the operations API, whose errors have the codes of the catalogue. */
const isOperation = (target: string) => /\/v1\/(jobs|workers|status|operations|catalog|hives)/.test(target);
const expected = [200, 204, 400, 401, 403, 404, 405, 413, 415, 431];

const check = ({ status, headers, body }: RawAnswer, { target, method }: RawRequest): void => {
  assert.ok(expected.includes(status), `status ${status}: ${body.toString('utf8', 0, 500)}`);
  assert.ok(headers['x-request-id'], `no request id in the ${status} ${JSON.stringify(headers)}`);
  if (status < 400 || method === 'HEAD') return;
  assert.match(headers['content-type'] ?? '', /^application\/json/);
  const { error } = JSON.parse(body.toString());
  assert.equal(typeof error.message, 'string');
  assert.equal(typeof error.hint, 'string');
  if (isOperation(target) && /^[A-Z_]+$/.test(error.code)) return;
  assert.match(error.code, /^[a-z_]+$/);
  assert.equal(typeof error.type, 'string');
  assert.ok(error.param === null || typeof error.param === 'string');
};

const statuses = new Map<number | string, number>();
const tryOne = async (random: Random, number: number): Promise<void> => {
  const request = rawRequest(random, model);
  try {
    const answers = await exchange(request);
    if (answers.length === 0) statuses.set('none', (statuses.get('none') ?? 0) + 1);
    for (const answer of answers) {
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      check(answer, request);
    }
  } catch (error) {
    const sent = Buffer.concat(request.pieces)
      .toString('latin1')
      .replace(/(.)\1{50,}/g, '$1…')
      .slice(0, 1_500);
    throw new Error(`request ${number}, RBEE_FUZZ_SEED=${seed}: ${JSON.stringify(sent)}`, { cause: error });
  }
};

const usage = () => resourceUsageOf(queen, join(home.paths.logs, 'queen.log'));

/** The engine's own count. */
const running = async (): Promise<number> => {
  const key = /(?:^|\0)RBEE_API_KEY=([^\0]*)/.exec(readFileSync(`/proc/${worker.pid}/environ`, 'utf8'))?.[1];
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`http://127.0.0.1:${worker.port}/counters`, { headers });
  return ((await response.json()) as { running: number }).running;
};

test('the queen survives random requests and answers each of them', async (context) => {
  const random = randomFrom(seed);
  const problems: unknown[] = [];
  const run = async (from: number, to: number) => {
    let next = from;
    const lane = async () => {
      while (next < to && problems.length < 20) await tryOne(random, next++).catch((error) => problems.push(error));
    };
    await Promise.all(Array.from({ length: concurrency }, lane));
  };
  await run(0, warmUp);
  const before = usage();
  await run(warmUp, total);
  context.diagnostic(`${total} requests, seed ${seed}: ${JSON.stringify(Object.fromEntries(statuses))}`);
  if (problems.length > 0) throw new AggregateError(problems, `${problems.length} requests failed`);

  await until(async () => (await running()) === 0, { what: 'the end of the last request at the engine' });
  // The connections of the clients are closed; those to the worker are kept.
  await until(() => usage().sockets <= before.sockets + concurrency, { what: 'the end of the connections' });
  const growth = usage().memory - before.memory;
  context.diagnostic(`memory of the queen: ${Math.round(growth / 1024)} KiB more after the first ${warmUp} requests`);
  assert.ok(growth < maxGrowth, `${growth} bytes more`);
  const now = await home.json(['worker', 'get', worker.id]);
  assert.deepEqual([now.pid, now.state], [worker.pid, 'ready']);
  assert.equal((await home.json(['queen', 'status'])).pid, queen);
  // Would wait for requests in progress, if the queen still counted any.
  const stopping = await home.rbee(['worker', 'stop', worker.id]);
  assert.equal(stopping.code, 0, stopping.stderr);
  assert.doesNotMatch(stopping.stdout + stopping.stderr, /waiting for \d+ request/);
});
