import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { localRunner } from './local-runner.ts';
import { eventually, isGone, killAfter, tempFolder } from './testing.ts';

const env = { PATH: process.env['PATH'] };
const node = process.execPath;

test('a program runs to its end, whatever its exit code, in the given environment and folder', async (t) => {
  const cwd = await tempFolder(t);
  const script =
    'process.stdin.pipe(process.stdout); console.error(process.cwd(), process.env.MARK, process.env.HOME); process.exitCode = 3';
  const result = await localRunner.run([node, '-e', script], { env: { ...env, MARK: 'm' }, cwd, input: 'given\n' });
  assert.deepEqual(result, { stdout: 'given\n', stderr: `${cwd} m undefined\n`, code: 3, signal: null });
});

test('a program that hangs is ended after its time, and one that is missing is an error', async () => {
  const hanging = await localRunner.run([node, '-e', 'setInterval(() => {}, 1000)'], { env, timeoutMs: 100 });
  assert.equal(hanging.signal, 'SIGTERM');
  await assert.rejects(localRunner.run(['no-such-program-here'], { env }), { code: 'ENOENT' });
});

test('an abort ends the program and rejects with its reason', async () => {
  const stop = new AbortController();
  const running = localRunner.run([node, '-e', 'setInterval(() => {}, 1000)'], { env, signal: stop.signal });
  stop.abort(new Error('enough'));
  await assert.rejects(running, { message: 'enough' });
});

test('nothing goes through a shell', async () => {
  const { stdout } = await localRunner.run([node, '-p', 'process.argv[1]', '$(id); `id` "*"'], { env });
  assert.equal(stdout, '$(id); `id` "*"\n');
});

test('a detached process leads a group of its own, writes to its log, and gets only what it is given', async (t) => {
  const folder = await tempFolder(t);
  const logFile = join(folder, 'logs', 'a.log');
  await mkdir(join(folder, 'logs'));
  await writeFile(logFile, 'before\n');
  const script =
    'console.log(Object.keys(process.env).filter((name) => name !== "NODE_V8_COVERAGE").join()); console.error(process.umask().toString(8)); process.exitCode = 7';
  const umask = process.umask();
  const { pid, exited } = await localRunner.spawnDetached([node, '-e', script], {
    env: { ONE: '1' },
    cwd: folder,
    logFile,
  });
  killAfter(t).pids.add(pid);
  assert.equal(process.umask(), umask, 'that of this process is as before');
  assert.deepEqual(await exited, { code: 7, signal: null });
  assert.equal(await readFile(logFile, 'utf8'), 'before\nONE\n77\n');
});

test('a process that cannot be started is the system’s own error', async (t) => {
  const folder = await tempFolder(t);
  const logFile = join(folder, 'a.log');
  await assert.rejects(localRunner.spawnDetached([join(folder, 'missing')], { env, cwd: folder, logFile }), {
    code: 'ENOENT',
  });
  await writeFile(join(folder, 'plain'), 'text');
  await assert.rejects(localRunner.spawnDetached([join(folder, 'plain')], { env, cwd: folder, logFile }), {
    code: 'EACCES',
  });
  await assert.rejects(localRunner.spawnDetached([node], { env: { BAD: 'a\0b' }, cwd: folder, logFile }));
});

test('a signal reaches a process or its group, and tells when there was nobody', async (t) => {
  const folder = await tempFolder(t);
  const options = { env, cwd: folder, logFile: join(folder, 'a.log') };
  const { pid, exited } = await localRunner.spawnDetached([node, '-e', 'setInterval(() => {}, 1000)'], options);
  killAfter(t).pids.add(pid);
  assert.equal((await localRunner.identity(pid))?.group, pid);
  assert.deepEqual(await localRunner.groupMembers(pid), [pid]);
  assert.equal(await localRunner.signal({ group: pid }, 'SIGKILL'), true);
  assert.deepEqual(await exited, { code: null, signal: 'SIGKILL' });
  assert.ok(await isGone(pid));
  assert.equal(await localRunner.signal({ pid }, 'SIGTERM'), false);
  await assert.rejects(localRunner.signal({ pid: 0 }, 'SIGTERM'), RangeError);
  await assert.rejects(localRunner.signal({ group: 1 }, 'SIGTERM'), RangeError);
});

test('files and folders are private, replaced whole, and absent ones are null', async (t) => {
  const folder = join(await tempFolder(t), 'new');
  await localRunner.mkdir(join(folder, 'deep'));
  assert.equal((await stat(join(folder, 'deep'))).mode & 0o777, 0o700);
  const file = join(folder, 'file');
  assert.equal(await localRunner.read(file), null);
  assert.equal(await localRunner.writtenAt(file), null);
  await localRunner.write(file, 'one');
  await localRunner.write(file, 'two', { mode: 0o644 });
  assert.equal(await localRunner.read(file), 'two');
  assert.equal((await stat(file)).mode & 0o777, 0o644);
  assert.ok(Math.abs(((await localRunner.writtenAt(file)) ?? 0) - Date.now()) < 60_000);
  assert.deepEqual((await localRunner.list(folder)).sort(), ['deep', 'file']);
  assert.deepEqual(await localRunner.list(join(folder, 'none')), []);
  await localRunner.upload(file, join(folder, 'up', 'copy'));
  assert.deepEqual(await localRunner.tail(join(folder, 'up', 'copy'), 1), ['two']);
  await localRunner.remove(file);
  await localRunner.remove(file);
  assert.deepEqual(await readdir(folder), ['deep', 'up']);
  await chmod(folder, 0o700);
  await assert.rejects(localRunner.mkdir(join(folder, 'up', 'copy', 'below')), { code: 'STATE_UNWRITABLE' });
  await assert.rejects(localRunner.read(folder), { code: 'EISDIR' });
});

test('a request has a limit of time, of size, and an abort', async (t) => {
  const server = createServer((incoming, outgoing) => {
    if (incoming.url === '/silent') return;
    if (incoming.url === '/half') return void outgoing.write('half');
    if (incoming.url === '/echo') return void incoming.pipe(outgoing);
    outgoing.end('x'.repeat(1_000_000));
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  const url = `http://127.0.0.1:${port}`;
  assert.equal((await localRunner.request({ url })).body.length, 64 * 1024);
  assert.equal((await localRunner.request({ url: `${url}/echo`, method: 'POST', body: { a: 1 } })).body, '{"a":1}');
  await assert.rejects(localRunner.request({ url: `${url}/silent`, timeoutMs: 50 }), { name: 'TimeoutError' });
  await assert.rejects(localRunner.request({ url: `${url}/half`, timeoutMs: 50 }), { name: 'TimeoutError' });
  const stop = new AbortController();
  const waiting = localRunner.request({ url: `${url}/silent`, signal: stop.signal });
  stop.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  await assert.rejects(localRunner.request({ url, signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('a lock is had by one at a time', async (t) => {
  const path = join(await tempFolder(t), 'a.lock');
  const release = await localRunner.lock(path, { timeoutMs: 1000 });
  await assert.rejects(localRunner.lock(path, { timeoutMs: 20 }), { code: 'TIMEOUT' });
  release();
  const again = await eventually(() => localRunner.lock(path, { timeoutMs: 1000 }));
  again();
});
