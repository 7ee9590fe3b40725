/** The program, started with the very command line that a hive would use. RBEE_MY_ENGINE names the real one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { Launch } from '@rbee/contract';
import { resolveType } from '@rbee/core/conformance';
import type from './index.ts';

const program = process.env['RBEE_MY_ENGINE'] ?? join(import.meta.dirname, 'stand-in/my-engine-server.js');
const { command, diagnose, variants } = resolveType(type);
const device = { kind: 'cpu', indices: [] };

const launch = (model: string): Launch => ({
  id: 'tested',
  variant: 'cpu',
  device,
  deviceFlags: variants[0]?.deviceFlags(device) ?? { args: [], env: {} },
  binary: { id: 'my-engine-server', kind: 'path', path: program, argv: [program] },
  models: { main: model },
  names: ['tested'],
  options: { context: 512, threads: 0 },
  host: '127.0.0.1',
  port: 0,
  apiKey: 'key',
});

const start = (model: string) => {
  const { args, env } = command(launch(model));
  return spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
};

test('it answers a chat', async () => {
  const child = start(join(import.meta.dirname, 'package.json'));
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
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
    assert.equal(choices[0]?.message.content, 'on cpu: Hello');
  } finally {
    child.kill('SIGKILL');
  }
});

test('what it says of a missing model is understood', async () => {
  const child = start('/no/such/model.gguf');
  const log: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) log.push(line);
  const exit = { code: child.exitCode, signal: null };
  assert.equal(diagnose({ log, exit, wasReady: false, binary: { id: 'my-engine-server' } })?.cause, 'bad_model');
});
