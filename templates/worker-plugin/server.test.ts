/** The real program, started with the very command line that a hive would use. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import type { Launch } from '@rbee/contract';
import { resolveType } from '@rbee/core/conformance';
import type from './index.ts';

const launch: Launch = {
  id: 'tested',
  variant: 'cpu',
  device: { kind: 'cpu', indices: [] },
  deviceFlags: { args: [], env: {} },
  binary: { id: 'builtin', kind: 'module', path: '', argv: [] },
  models: {},
  names: ['tested'],
  options: { greeting: 'You said:', slots: 1 },
  host: '127.0.0.1',
  port: 0,
  apiKey: 'key',
};

let child: ReturnType<typeof spawn>;
let url = '';

before(async () => {
  const script = join(import.meta.dirname, 'dist/server/main.js');
  child = spawn(process.execPath, [script, ...resolveType(type).command(launch).args], {
    env: { ...process.env, RBEE_API_KEY: launch.apiKey },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (!child.stderr) throw new Error('it has no stderr');
  const lines = createInterface({ input: child.stderr });
  for await (const line of lines) {
    url ||= /http:\/\/[\d.]+:\d+/.exec(line)?.[0] ?? '';
    if (/ready/.test(line)) break;
  }
  child.stderr.resume();
});
after(() => child.kill('SIGKILL'));

const ask = (path: string, body: object) =>
  fetch(url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${launch.apiKey}` },
  });

test('it answers a chat, whole and as a stream', async () => {
  const messages = [{ role: 'user', content: 'Hello there' }];
  const whole = (await (await ask('/v1/chat/completions', { messages })).json()) as {
    choices: { message: { content: string } }[];
  };
  assert.equal(whole.choices[0]?.message.content, 'You said: Hello there');
  const stream = await (await ask('/v1/chat/completions', { messages, stream: true })).text();
  assert.match(stream, /"content":"there"/);
  assert.ok(stream.trimEnd().endsWith('data: [DONE]'));
});

test('it answers on its own path', async () => {
  const answer = await (await ask('/v1/my-engine', { text: 'Hello' })).json();
  assert.deepEqual(answer, { model: 'tested', said: 'You said: Hello' });
});

test('it wants its key, and ends on SIGTERM', async () => {
  assert.equal((await fetch(`${url}/v1/models`)).status, 401);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
