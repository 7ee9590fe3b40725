import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { pack } from '../core/archives/pack.ts';

const agent = join(import.meta.dirname, '../core/dist/agent/agent.mjs');

test('the agent is one small file that needs only Node, runs programs and unpacks archives', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-agent-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const alone = join(folder, 'agent.mjs');
  await copyFile(agent, alone);
  assert.ok((await stat(alone)).size < 400_000);
  const signal = new AbortController().signal;
  const { file, sha256 } = await pack([{ path: 'a/b', kind: 'text', text: 'there' }], { folder, signal });
  const child = spawn(process.execPath, [alone], {
    cwd: '/',
    env: { HOME: folder },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? 'null');
  const ask = (id: number, method: string, ...args: unknown[]) => {
    child.stdin.write(`${JSON.stringify({ id, method, args })}\n`);
    return next();
  };
  assert.equal((await next()).hello, 1);
  const ran = await ask(1, 'run', [process.execPath, '-p', '1 + 1'], { env: {} });
  assert.deepEqual([ran.id, ran.result.stdout], [1, '2\n']);
  const tree = join(folder, 'tree');
  assert.deepEqual(await ask(2, 'unpack', { archive: file, sha256, folder: tree }), { id: 2, result: true });
  assert.equal(await readFile(join(tree, 'a/b'), 'utf8'), 'there');
  child.stdin.end();
  assert.deepEqual(await exited, [0, null]);
});
