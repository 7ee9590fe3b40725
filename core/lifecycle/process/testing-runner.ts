/** Tests that every runner must pass, whatever its machine. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Runner } from '../system/runner.ts';
import { eventually, tempFolder, undoAfter } from './testing.ts';

/** A runner, and what a test needs from its machine. */
export interface RunnerPlace {
  runner: Runner;
  /** Path of the node program there. */
  node: string;
  /** A folder there for this test only. */
  folder: string;
  /** Where the test finds a file of that machine. */
  seen(path: string): string;
}

/** Defines the tests; `open` is called by each. */
export const testRunner = (open: (t: TestContext) => Promise<RunnerPlace>): void => {
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin' };
  const hang = 'setInterval(() => {}, 1000)';

  /** Starts a process that is killed when the test ends. */
  const spawn = async (t: TestContext, { runner, node, folder }: RunnerPlace, script: string, more = env) => {
    const options = { env: more, cwd: folder, logFile: join(folder, 'a.log') };
    const spawned = await runner.spawnDetached([node, '-e', script], options);
    undoAfter(t, () => runner.signal({ group: spawned.pid }, 'SIGKILL'));
    return spawned;
  };

  test('a program runs to its end, whatever its exit code, in the given environment and folder', async (t) => {
    const { runner, node, folder } = await open(t);
    const script =
      'process.stdin.pipe(process.stdout); console.error(process.cwd(), process.env.MARK, process.env.HOME); process.exitCode = 3';
    const result = await runner.run([node, '-e', script], {
      env: { ...env, MARK: 'm' },
      cwd: folder,
      input: 'given\n',
    });
    assert.deepEqual(result, { stdout: 'given\n', stderr: `${folder} m undefined\n`, code: 3, signal: null });
  });

  test('a program that hangs is killed after its timeout, and a missing one is an error', async (t) => {
    const { runner, node } = await open(t);
    const hanging = await runner.run([node, '-e', hang], { env, timeoutMs: 100 });
    assert.equal(hanging.signal, 'SIGTERM');
    await assert.rejects(runner.run(['no-such-program-here'], { env }), { code: 'ENOENT' });
  });

  test('an abort ends the program and its whole group, even if they ignore signals, and rejects with its reason', async (t) => {
    const { runner, folder, seen } = await open(t);
    const stop = new AbortController();
    const pids = join(folder, 'pids');
    const script = `trap '' TERM; sleep 1000 & echo $$ $! > '${pids}.new'; mv '${pids}.new' '${pids}'; while :; do sleep 1000; done`;
    const running = runner.run(['sh', '-c', script], { env, signal: stop.signal });
    const text = await eventually(async () => (await runner.read(pids)) !== null && readFileSync(seen(pids), 'utf8'));
    stop.abort(new Error('enough'));
    await assert.rejects(running, { message: 'enough' });
    for (const pid of text.trim().split(' ').map(Number))
      await eventually(async () => (await runner.identity(pid)) === null);
    await assert.rejects(runner.run(['sh', '-c', 'true'], { env, signal: stop.signal }), { message: 'enough' });
  });

  test('arguments, input and output are passed unchanged, without a shell', async (t) => {
    const { runner, node } = await open(t);
    const awkward = ['$(id); `id` "*"', "it's", 'two\nlines\r\n', '', '\u2028\u2029 \u{1f41d}', '--', '\\', '{"id":1}'];
    const script = 'process.stdout.write(JSON.stringify(process.argv.slice(1))); process.stdin.pipe(process.stderr)';
    const input = `\u2028${'x'.repeat(1_000_000)}\n\r\n`;
    const { stdout, stderr } = await runner.run([node, '-e', script, '--', ...awkward], { env, input });
    assert.deepEqual(JSON.parse(stdout), awkward);
    assert.ok(stderr === input);
    const long = 'process.stdout.write("y".repeat(10 * 2 ** 20))';
    assert.equal((await runner.run([node, '-e', long], { env })).stdout.length, 10 * 2 ** 20);
  });

  test('a detached process leads its own group, writes to its log, and gets only the given environment', async (t) => {
    const place = await open(t);
    const { runner, folder, seen } = place;
    await runner.write(join(folder, 'a.log'), 'before\n');
    const script =
      'console.log(Object.keys(process.env).filter((name) => name !== "NODE_V8_COVERAGE").join()); console.error(process.umask().toString(8)); process.exitCode = 7';
    const umask = process.umask();
    const { pid, exited } = await spawn(t, place, script, { ONE: '1' } as never);
    assert.equal(process.umask(), umask, 'the umask of this process is unchanged');
    if (exited) assert.deepEqual(await exited, { code: 7, signal: null });
    await eventually(async () => (await runner.identity(pid)) === null);
    assert.equal(readFileSync(seen(join(folder, 'a.log')), 'utf8'), 'before\nONE\n77\n');
  });

  test('a process that cannot be started gives the system’s error', async (t) => {
    const { runner, node, folder, seen } = await open(t);
    const options = { env, cwd: folder, logFile: join(folder, 'a.log') };
    await assert.rejects(runner.spawnDetached([join(folder, 'missing')], options), { code: 'ENOENT' });
    writeFileSync(seen(join(folder, 'plain')), 'text');
    await assert.rejects(runner.spawnDetached([join(folder, 'plain')], options), { code: 'EACCES' });
    await assert.rejects(runner.spawnDetached([node], { ...options, env: { BAD: 'a\0b' } }));
  });

  test('a signal reaches a process or its group, and returns false when there is none', async (t) => {
    const place = await open(t);
    const { runner } = place;
    const { pid } = await spawn(t, place, hang);
    const identity = await runner.identity(pid);
    assert.equal(identity?.group, pid);
    assert.deepEqual(await runner.groupMembers(pid), [pid]);
    assert.deepEqual((await runner.describe(pid))?.argv.slice(1), ['-e', hang]);
    assert.equal(await runner.signal({ group: pid }, 'SIGKILL'), true);
    await eventually(async () => (await runner.identity(pid)) === null);
    await eventually(async () => !(await runner.signal({ pid }, 'SIGTERM')));
    await assert.rejects(runner.signal({ pid: 0 }, 'SIGTERM'), /cannot be signalled/);
    await assert.rejects(runner.signal({ group: 1 }, 'SIGTERM'), /cannot be signalled/);
  });

  test('a process is found by its environment', async (t) => {
    const place = await open(t);
    const { runner } = place;
    const mark = `mark ${Math.random()}`;
    const { pid } = await spawn(t, place, hang, { ...env, MARK: mark } as never);
    const found = await eventually(async () => {
      const [first] = await runner.findByEnvironment('MARK', mark);
      return first;
    });
    assert.deepEqual(found, await runner.identity(pid));
    assert.ok((await runner.environment(pid))?.includes(`MARK=${mark}`));
    assert.deepEqual(await runner.findByEnvironment('MARK', 'other'), []);
  });

  test('files and folders are private and replaced atomically, and missing ones are null', async (t) => {
    const place = await open(t);
    const { runner, seen } = place;
    const folder = join(place.folder, 'new');
    await runner.mkdir(join(folder, 'deep'));
    assert.equal(statSync(seen(join(folder, 'deep'))).mode & 0o777, 0o700);
    const file = join(folder, 'file');
    assert.equal(await runner.read(file), null);
    assert.equal(await runner.writtenAt(file), null);
    await runner.write(file, 'one');
    assert.equal(statSync(seen(file)).mode & 0o777, 0o600);
    await runner.write(file, 'two\u2028\n', { mode: 0o644 });
    assert.equal(await runner.read(file), 'two\u2028\n');
    assert.equal(statSync(seen(file)).mode & 0o777, 0o644);
    assert.ok(Math.abs(((await runner.writtenAt(file)) ?? 0) - Date.now()) < 60_000);
    assert.deepEqual((await runner.list(folder)).sort(), ['deep', 'file']);
    assert.deepEqual(await runner.list(join(folder, 'none')), []);
    const local = join(await tempFolder(t), 'local');
    writeFileSync(local, 'three\n');
    await runner.upload(local, join(folder, 'up', 'copy'));
    assert.deepEqual(await runner.tail(join(folder, 'up', 'copy'), 1), ['three']);
    await runner.remove(file);
    await runner.remove(file);
    assert.deepEqual((await runner.list(folder)).sort(), ['deep', 'up']);
    await assert.rejects(runner.mkdir(join(folder, 'up', 'copy', 'below')), { code: 'STATE_UNWRITABLE' });
    await assert.rejects(runner.read(folder), { code: 'EISDIR' });
  });

  test('a request has limits on time and size, and can be aborted', async (t) => {
    const place = await open(t);
    const { runner, folder, seen } = place;
    mkdirSync(seen(folder), { recursive: true });
    const server = `
      const { createServer } = require('node:http');
      const server = createServer((incoming, outgoing) => {
        if (incoming.url === '/silent') return;
        if (incoming.url === '/half') return void outgoing.write('half');
        if (incoming.url === '/echo') return void incoming.pipe(outgoing);
        outgoing.end('x'.repeat(1_000_000));
      });
      server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));`;
    await spawn(t, place, server);
    const port = await eventually(async () => /port (\d+)/.exec((await runner.read(join(folder, 'a.log'))) ?? '')?.[1]);
    const url = `http://127.0.0.1:${port}`;
    assert.equal((await runner.request({ url })).body.length, 64 * 1024);
    assert.equal((await runner.request({ url: `${url}/echo`, method: 'POST', body: { a: 1 } })).body, '{"a":1}');
    await assert.rejects(runner.request({ url: `${url}/silent`, timeoutMs: 50 }), /no answer within/);
    await assert.rejects(runner.request({ url: `${url}/half`, timeoutMs: 50 }), /no answer within/);
    const stop = new AbortController();
    const waiting = runner.request({ url: `${url}/silent`, signal: stop.signal });
    stop.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    await assert.rejects(runner.request({ url, signal: AbortSignal.abort() }), { name: 'AbortError' });
    await assert.rejects(runner.request({ url: 'http://127.0.0.1:1' }), { code: 'ECONNREFUSED' });
  });

  test('a lock has one holder at a time, and an aborted wait never takes it', async (t) => {
    const { runner, folder } = await open(t);
    const path = join(folder, 'a.lock');
    const release = await runner.lock(path, { timeoutMs: 5000 });
    await assert.rejects(runner.lock(path, { timeoutMs: 20 }), { code: 'TIMEOUT' });
    const stop = new AbortController();
    const waiting = runner.lock(path, { timeoutMs: 60_000, signal: stop.signal });
    stop.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    release();
    for (let round = 0; round < 20; round += 1) {
      const again = await runner.lock(path, { timeoutMs: 5000 });
      again();
      const late = new AbortController();
      const given = runner.lock(path, { timeoutMs: 5000, signal: late.signal });
      setTimeout(() => late.abort(), round % 10);
      await given.then(
        (unlock) => unlock(),
        () => {},
      );
    }
    (await runner.lock(path, { timeoutMs: 5000 }))();
  });
};
