/** Tests the real program, started with the command line that a hive would use. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { command } from '../command.js';

/** @type {Record<string, string>} What a hive inserts for each `{name}`. */
const given = {
  names: 'tested',
  host: '127.0.0.1',
  port: '0',
  'option.greeting': 'You said:',
  'option.slots': '1',
};
const args = command.map((argument) => argument.replace(/\{(.+?)\}/g, (_, name) => given[name] ?? ''));

const child = spawn(process.execPath, [join(import.meta.dirname, '../server/main.js'), ...args], {
  env: { ...process.env, RBEE_API_KEY: 'key' },
  stdio: ['ignore', 'ignore', 'pipe'],
});
let url = '';

before(async () => {
  for await (const line of createInterface({ input: child.stderr })) {
    url ||= /http:\/\/[\d.]+:\d+/.exec(line)?.[0] ?? '';
    if (/ready/.test(line)) break;
  }
  child.stderr.resume();
});
after(() => child.kill('SIGKILL'));

/**
 * @param {string} path
 * @param {object} body
 */
const ask = (path, body) =>
  fetch(url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', authorization: 'Bearer key' },
  });

test('it answers a chat, whole and as a stream', async () => {
  const messages = [{ role: 'user', content: 'Hello there' }];
  const answer = await ask('/v1/chat/completions', { messages });
  const { choices } = /** @type {{ choices: { message: { content: string } }[] }} */ (await answer.json());
  assert.equal(choices[0]?.message.content, 'You said: Hello there');
  const stream = await (await ask('/v1/chat/completions', { messages, stream: true })).text();
  assert.match(stream, /"content":"there"/);
  assert.ok(stream.trimEnd().endsWith('data: [DONE]'));
});

test('it answers on its own path', async () => {
  const answer = await ask('/v1/my-engine', { text: 'Hello' });
  assert.deepEqual(await answer.json(), { model: 'tested', said: 'You said: Hello' });
});

test('it refuses a request without the API key, and exits on SIGTERM', async () => {
  assert.equal((await fetch(`${url}/v1/models`)).status, 401);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
