import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NotReadyError, type Readiness, waitReady } from './readiness.ts';
import { tempFolder } from './testing.ts';

const never = new Promise<never>(() => {});

/** A health check whose status the test sets. */
const health = async (t: TestContext, status: number) => {
  const state = { status, asked: 0, url: '', onAsked: () => {} };
  const server = createServer((_, outgoing) => {
    state.asked += 1;
    outgoing.writeHead(state.status).end('body');
    state.onAsked();
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.url = `http://127.0.0.1:${(server.address() as { port: number }).port}/health`;
  return state;
};

const wait = (more: Partial<Readiness> & Pick<Readiness, 'ready'>) =>
  waitReady({ exited: never, progressDeadlineMs: 20_000, signal: new AbortController().signal, ...more });

const failsWith = (kind: string) => (error: unknown) => error instanceof NotReadyError && error.reason.kind === kind;

test('a polled process is ready when its health check says so, and not before', async (t) => {
  const state = await health(t, 503);
  state.onAsked = () => {
    if (state.asked === 3) state.status = 200;
  };
  await wait({ ready: { mode: 'poll', url: state.url } });
  assert.equal(state.asked, 4);
});

test('a loading status continues the wait, a failure status ends it', async (t) => {
  const state = await health(t, 202);
  state.onAsked = () => {
    if (state.asked === 2) state.status = 500;
  };
  const ready = { mode: 'poll', url: state.url, loadingStatus: [202], failedStatus: [500] } as const;
  await assert.rejects(wait({ ready }), (error) => {
    assert.ok(error instanceof NotReadyError);
    assert.deepEqual(error.reason, { kind: 'failed_status', status: 500, body: 'body' });
    return true;
  });
});

test('a new log line triggers a health check at once', async (t) => {
  const state = await health(t, 503);
  const file = join(await tempFolder(t), 'a.log');
  await writeFile(file, '');
  let progress: number[] = [];
  state.onAsked = () => {
    if (state.asked === 1) void appendFile(file, 'loading 40%\nloading 40%\nloading 140%\nloading 70%\n');
    if (progress.length === 2) state.status = 200;
  };
  await wait({
    ready: { mode: 'poll', url: state.url },
    log: { file, from: 0 },
    progressPattern: 'loading (?<percent>\\d+)%',
    onProgress: (value) => {
      progress = [...progress, value];
    },
  });
  assert.deepEqual(progress, [0.4, 0.7]);
});

test('a log line or a manual report makes it ready', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  await writeFile(file, 'server is listening\n');
  const ready = { mode: 'log', pattern: 'is (listening|ready)' } as const;
  const waiting = wait({ ready, log: { file, from: 5 } });
  await appendFile(file, 'it is ready\n');
  await waiting;
  await wait({ ready: { mode: 'callback' }, reported: Promise.resolve() });
  await wait({ ready: { mode: 'manual' }, reported: Promise.resolve() });
});

test('whatever reports readiness, the socket must belong to the process', async (t) => {
  const state = await health(t, 200);
  const ready = { mode: 'poll', url: state.url } as const;
  await assert.rejects(wait({ ready, owner: async () => 'stranger' }), failsWith('port_taken'));
  await wait({ ready, owner: async () => undefined });
  const reported = Promise.resolve();
  await assert.rejects(
    wait({ ready: { mode: 'callback' }, reported, owner: async () => 'stranger' }),
    failsWith('port_taken'),
  );
  const answers = ['none', 'none', 'group'] as const;
  let asked = 0;
  await wait({ ready: { mode: 'callback' }, reported, owner: async () => answers[asked++] });
  assert.equal(asked, 3);
});

test('the end of the process ends the wait', async () => {
  const exit = { code: 7, signal: null };
  await assert.rejects(wait({ ready: { mode: 'manual' }, reported: never, exited: Promise.resolve(exit) }), (error) => {
    assert.deepEqual((error as NotReadyError).reason, { kind: 'exited', exit });
    return true;
  });
});

test('no progress for too long ends the wait with the last sign of progress', async (t) => {
  const state = await health(t, 503);
  const waiting = wait({ ready: { mode: 'poll', url: state.url }, progressDeadlineMs: 150 });
  await assert.rejects(waiting, (error) => {
    const { reason } = error as NotReadyError;
    assert.deepEqual(reason, { kind: 'no_progress', limitMs: 150, last: `${state.url} answers 503` });
    return true;
  });
});

test('a process that keeps logging may load for much longer than the limit', async (t) => {
  const file = join(await tempFolder(t), 'a.log');
  await writeFile(file, '');
  let lines = 0;
  const timer = setInterval(() => appendFileSync(file, lines++ < 40 ? 'still loading\n' : 'ready\n'), 60);
  try {
    await wait({ ready: { mode: 'log', pattern: '^ready$' }, log: { file, from: 0 }, progressDeadlineMs: 2_000 });
  } finally {
    clearInterval(timer);
  }
  assert.ok(lines > 40);
});

test('an abort ends the wait with its reason', async () => {
  const stop = new AbortController();
  const waiting = wait({ ready: { mode: 'manual' }, reported: never, signal: stop.signal });
  stop.abort(new Error('enough'));
  await assert.rejects(waiting, { message: 'enough' });
  await assert.rejects(wait({ ready: { mode: 'manual' }, reported: never, signal: stop.signal }), {
    message: 'enough',
  });
  const unreachable = wait({ ready: { mode: 'poll', url: 'http://127.0.0.1:9/' }, signal: AbortSignal.timeout(100) });
  await assert.rejects(unreachable, { name: 'TimeoutError' });
});
