import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { type LivenessOptions, watchLiveness } from './liveness.ts';
import { eventually } from './testing.ts';

/** An engine with a cheap and an expensive health check, both of which the test can break. */
const engine = async (t: TestContext, answers: { cheap: number | ((asked: number) => number); deep: number }) => {
  const asked = { cheap: 0, deep: 0 };
  const server = createServer((incoming, outgoing) => {
    const which = incoming.url === '/deep' ? 'deep' : 'cheap';
    asked[which] += 1;
    const answer = answers[which];
    const status = typeof answer === 'function' ? answer(asked[which]) : answer;
    if (status > 0) outgoing.writeHead(status).end();
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { asked, url: `http://127.0.0.1:${(server.address() as { port: number }).port}` };
};

/** A generous timeout, because a busy machine may answer late; `quick` is for engines that never answer. */
const quick = { timeoutMs: 50 };

const watchIt = (t: TestContext, options: Omit<LivenessOptions, 'onUnhealthy'>) => {
  const problems: string[] = [];
  const stop = watchLiveness({
    timeoutMs: 10_000,
    onUnhealthy: (problem) => problems.push(problem),
    ...options,
    live: { everyMs: 5, ...options.live },
  });
  t.after(stop);
  return { problems, stop };
};

test('three failures in a row mean unhealthy, reported once', async (t) => {
  const answers = { cheap: 500, deep: 200 };
  const { url, asked } = await engine(t, answers);
  const { problems } = watchIt(t, { live: { url } });
  await eventually(() => problems.length > 0);
  assert.equal(asked.cheap, 3);
  assert.deepEqual(problems, [`${url} answers 500`]);
});

test('a timeout is also a failure', async (t) => {
  const { url } = await engine(t, { cheap: 0, deep: 200 });
  const { problems } = watchIt(t, { ...quick, live: { url } });
  assert.match(await eventually(() => problems[0]), /timeout/i);
});

test('one good answer resets the failures', async (t) => {
  const { url, asked } = await engine(t, { cheap: (number) => (number % 3 === 0 ? 200 : 500), deep: 200 });
  const { problems, stop } = watchIt(t, { live: { url } });
  await eventually(() => asked.cheap > 12);
  stop();
  assert.deepEqual(problems, []);
});

test('after a failure the deep check decides', async (t) => {
  const answers = { cheap: 500, deep: 200 };
  const { url, asked } = await engine(t, answers);
  const { problems } = watchIt(t, { live: { url, deep: { url: `${url}/deep`, body: {} } } });
  await eventually(() => asked.deep > 4);
  assert.deepEqual(problems, []);
  answers.deep = 503;
  assert.match(await eventually(() => problems[0]), /answers 500; .*\/deep answers 503/);
});

/** An engine that does not answer, and uses as much processor time as the test sets. */
const silent = async (t: TestContext, computing: boolean) => {
  const { url, asked } = await engine(t, { cheap: 0, deep: 0 });
  let spent = 0;
  // One full processor between checks, or nothing.
  const cpuMs = async () => {
    if (computing) spent += 60_000;
    return spent;
  };
  return { url, asked, cpuMs };
};

test('a silent process that uses no processor time is frozen: checked again soon, without the deep check', async (t) => {
  const { url, asked, cpuMs } = await silent(t, false);
  const suspicions: boolean[] = [];
  const { problems } = watchIt(t, {
    ...quick,
    // Only the first check waits for the full interval: three of them would exceed the timeout of the test.
    live: { url, everyMs: 400, deep: { url: `${url}/deep`, body: {} } },
    cpuMs,
    onSuspicion: (suspect) => suspicions.push(suspect),
  });
  assert.match(await eventually(() => problems[0]), /timeout/i);
  assert.deepEqual([asked, suspicions], [{ cheap: 3, deep: 0 }, [true]]);
});

test('a silent process that computes gets the deep check, and is left alone when it answers', async (t) => {
  const { url, cpuMs } = await silent(t, true);
  const { url: other, asked } = await engine(t, { cheap: 200, deep: 200 });
  const { problems } = watchIt(t, { ...quick, live: { url, deep: { url: `${other}/deep`, body: {} } }, cpuMs });
  await eventually(() => asked.deep > 3);
  assert.deepEqual(problems, []);
});

test('a suspicion is reported once, and withdrawn', async (t) => {
  const { url, asked } = await engine(t, { cheap: (number) => (number % 3 === 0 ? 200 : 500), deep: 200 });
  const suspicions: boolean[] = [];
  const { stop } = watchIt(t, { ...quick, live: { url }, onSuspicion: (suspect) => suspicions.push(suspect) });
  await eventually(() => asked.cheap > 7);
  stop();
  assert.deepEqual(suspicions.slice(0, 4), [true, false, true, false]);
});

test('a frozen process does not count as failed while a request is running', async (t) => {
  const { url, asked, cpuMs } = await silent(t, false);
  let busy = true;
  const { problems } = watchIt(t, { ...quick, live: { url }, cpuMs, busy: () => busy });
  await eventually(() => asked.cheap > 5);
  assert.deepEqual(problems, []);
  busy = false;
  await eventually(() => problems.length > 0);
});

test('a busy engine that answers late is left alone', async (t) => {
  const { url, asked } = await engine(t, { cheap: 500, deep: 500 });
  const { problems, stop } = watchIt(t, {
    ...quick,
    live: { url, deep: { url: `${url}/deep`, body: {} } },
    busy: () => true,
  });
  await eventually(() => asked.cheap > 6);
  stop();
  assert.deepEqual([problems, asked.deep], [[], 0]);
});
