/** Tests the program with the command line that a hive would use. Set RBEE_MY_ENGINE to test the real one. */
/** @import { Launch } from '@rbee/contract' */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { command } from '../command.js';
import { failures } from '../failures.js';

const program = process.env['RBEE_MY_ENGINE'] ?? join(import.meta.dirname, '../stand-in/my-engine-server.js');

/**
 * @param {string} model
 * @returns {Launch}
 */
const launch = (model) => ({
  id: 'tested',
  variant: 'cpu',
  device: { kind: 'cpu', indices: [] },
  deviceFlags: { args: ['--device', 'cpu'], env: {} },
  binary: { id: 'my-engine-server', kind: 'path', path: program, argv: [program] },
  models: { main: model },
  names: ['tested'],
  options: { context: 512, threads: 0 },
  host: '127.0.0.1',
  port: 0,
  apiKey: 'key',
});

/** @param {string} model */
const start = (model) => {
  const { args, env } = command(launch(model));
  return spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
};

test('it answers a chat', async () => {
  const child = start(join(import.meta.dirname, '../package.json'));
  try {
    let url = '';
    for await (const line of createInterface({ input: child.stdout })) {
      url = /http:\/\/[\d.]+:\d+/.exec(line)?.[0] ?? '';
      if (url !== '') break;
    }
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }] }),
      headers: { 'content-type': 'application/json', authorization: 'Bearer key' },
    });
    const { choices } = /** @type {{ choices: { message: { content: string } }[] }} */ (await response.json());
    assert.equal(choices[0]?.message.content, 'on cpu: Hello');
  } finally {
    child.kill('SIGKILL');
  }
});

test('a missing model is recognised in its log', async () => {
  const child = start('/no/such/model.gguf');
  /** @type {string[]} */
  const log = [];
  for await (const line of createInterface({ input: child.stderr })) log.push(line);
  const rule = failures.find(({ pattern }) => log.some((line) => pattern.test(line)));
  assert.equal(rule?.cause, 'bad_model');
});
