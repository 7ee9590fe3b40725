import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { eventually, tempFolder } from '../process/testing.ts';
import { lock, tryLock, withLock } from './instance-lock.ts';

const holder = (path: string) =>
  spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { tryLock } from ${JSON.stringify(join(import.meta.dirname, 'instance-lock.ts'))};
       globalThis.held = await tryLock(${JSON.stringify(path)});
       console.log(globalThis.held ? 'held' : 'busy');
       setInterval(() => {}, 1000);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );

test('the lock of another process is respected, and released when it dies', async (t) => {
  const path = join(await tempFolder(t), 'state', 'a.lock');
  const other = holder(path);
  t.after(() => other.kill('SIGKILL'));
  assert.equal(String((await once(other.stdout, 'data'))[0]), 'held\n');
  assert.equal(await tryLock(path), null);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  other.kill('SIGKILL');
  const held = await eventually(() => tryLock(path));
  assert.deepEqual(await readdir(dirname(path)), ['a.lock'], 'a killed holder leaves nothing beside the lock');
  held.release();
  held.release();
});

test('a process that holds the lock does not get it twice', async (t) => {
  const path = join(await tempFolder(t), 'a.lock');
  const held = await tryLock(path);
  assert.equal(await tryLock(path), null);
  held?.release();
  (await tryLock(path))?.release();
});

test('work under the lock never overlaps', async (t) => {
  const path = join(await tempFolder(t), 'a.lock');
  let inside = 0;
  const work = async () => {
    inside += 1;
    assert.equal(inside, 1);
    await new Promise(setImmediate);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 5 }, () => withLock(path, work, { timeoutMs: 20_000 })));
  await assert.rejects(
    withLock(path, () => Promise.reject(new Error('work failed')), { timeoutMs: 1000 }),
    { message: 'work failed' },
  );
  (await lock(path, { timeoutMs: 0 })).release();
});

test('waiting for the lock ends with a timeout or an abort', async (t) => {
  const path = join(await tempFolder(t), 'a.lock');
  const held = await lock(path, { timeoutMs: 0 });
  t.after(() => held.release());
  await assert.rejects(lock(path, { timeoutMs: 10 }), { code: 'TIMEOUT' });
  const stop = new AbortController();
  const waiting = lock(path, { timeoutMs: 60_000, signal: stop.signal });
  stop.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
});

test('a damaged lock file is replaced, and one that cannot be created is reported', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'file'), 'this is no database, and long enough to be seen as none '.repeat(20));
  const held = await tryLock(join(folder, 'file'));
  assert.ok(held);
  assert.equal(await tryLock(join(folder, 'file')), null);
  held.release();
  await assert.rejects(tryLock(join(folder, 'file', 'below')), { code: 'STATE_UNWRITABLE' });
});
