import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';

const start = async (t: TestContext, flags: string[], env: NodeJS.ProcessEnv = {}) => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fake-engine.ts'), ...flags], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.startsWith('listening on')) break;
  }
  child.stdout.resume();
  const url = `http://127.0.0.1:${lines.at(-1)?.split(' ').at(-1)}`;
  const until = async (status: number) => {
    while ((await fetch(`${url}/health`)).status !== status) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const ask = (body: object, signal?: AbortSignal, path = '/v1/chat/completions') =>
    fetch(url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      signal,
      headers: { authorization: `Bearer ${env['RBEE_API_KEY'] ?? ''}` },
    });
  const counters = async () =>
    (await (await fetch(`${url}/counters`)).json()) as { requests: number; cancelled: number; running: number };
  return { child, url, until, ask, counters };
};

test('it loads, becomes ready, answers in full and as a stream, and ends on SIGTERM', async (t) => {
  const { child, url, until, ask, counters } = await start(t, ['--ready-after', '2000', '--model', 'm']);
  assert.equal((await fetch(`${url}/health`)).status, 503);
  await until(200);
  const whole = (await (await ask({ max_tokens: 2 })).json()) as {
    choices: { message: { content: string } }[];
    model: string;
  };
  assert.deepEqual([whole.model, whole.choices[0]?.message.content], ['m', 'token1 token2 ']);
  const text = (await (await ask({ max_tokens: 1 }, undefined, '/v1/completions')).json()) as {
    choices: { text: string }[];
  };
  assert.equal(text.choices[0]?.text, 'token1 ');
  const stream = await (await ask({ stream: true, max_tokens: 3 })).text();
  assert.deepEqual(stream.match(/token\d/g), ['token1', 'token2', 'token3']);
  assert.ok(stream.endsWith('data: [DONE]\n\n'));
  assert.deepEqual(await counters(), { requests: 3, cancelled: 0, running: 0 });
  assert.match(await (await fetch(`${url}/metrics`)).text(), /^rbee_requests_running 0$/m);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('it notices that a client leaves an endless stream', async (t) => {
  const { until, ask, counters } = await start(t, ['--endless', '--token-interval', '5']);
  await until(200);
  const leaving = new AbortController();
  const answer = await ask({ stream: true }, leaving.signal);
  await answer.body?.getReader().read();
  assert.equal((await counters()).running, 1);
  leaving.abort();
  while ((await counters()).running > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await counters()).cancelled, 1);
});

test('streams break off or stall in the middle', async (t) => {
  const half = await start(t, ['--half-stream']);
  await half.until(200);
  await assert.rejects((await half.ask({ stream: true })).text());
  const silent = await start(t, ['--silent-stream']);
  await silent.until(200);
  const leaving = new AbortController();
  const reader = (await silent.ask({ stream: true }, leaving.signal)).body?.getReader();
  let text = '';
  while (!text.includes('token4')) text += new TextDecoder().decode((await reader?.read())?.value);
  assert.equal((await silent.counters()).running, 1);
  leaving.abort();
});

test('with an API key, everything except the health check requires it', async (t) => {
  const { url, until, ask } = await start(t, [], { RBEE_API_KEY: 'key' });
  await until(200);
  assert.equal((await fetch(`${url}/v1/models`)).status, 401);
  assert.equal((await ask({})).status, 200);
});

test('it becomes unhealthy, and exits with a code, after the given times', async (t) => {
  const ill = await start(t, ['--unhealthy-after', '50']);
  await ill.until(500);
  const { child } = await start(t, ['--exit-after', '10', '--exit-code', '42']);
  assert.deepEqual(await once(child, 'exit'), [42, null]);
});
