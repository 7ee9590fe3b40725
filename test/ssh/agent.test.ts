/** The agent on a machine does what the local runner does here, and leaves nothing behind when it exits. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, type TestContext, test } from 'node:test';
import { createGzip, createZstdCompress } from 'node:zlib';
import { Daemon } from '../../core/lifecycle/daemon/daemon.ts';
import { daemonProgram } from '../../core/lifecycle/daemon/testing-daemon.ts';
import { tempFolder } from '../../core/lifecycle/process/testing.ts';
import { testRunner } from '../../core/lifecycle/process/testing-runner.ts';
import { AgentClient } from '../../core/ssh/agent-client.ts';
import { type BareHost, placeRuntime, startAgent } from '../../core/ssh/bootstrap.ts';
import { checkForwarding } from '../../core/ssh/check-forwarding.ts';
import { sshRunner } from '../../core/ssh/ssh-runner.ts';
import { Uploads } from '../../core/ssh/upload/uploads.ts';
import { agentFile, agentParts, dataOf, greetAgent, nodeOf, placeAgent } from '../harness/agents.ts';
import { cannot, createMachines, type Host, type Machines } from '../harness/machines.ts';
import { reach } from '../harness/reach.ts';
import { atFullScale, until } from '../harness/until.ts';

describe('an agent', { skip: cannot('network') }, () => {
  let machines: Machines;
  let box: Host;
  let bare: Host;
  let full: Host;
  before(async () => {
    machines = await createMachines({
      hosts: [
        { name: 'box', home: '/home/ann and bob' },
        { name: 'bare', without: ['node', 'nodejs', 'npm', 'npx', 'gzip', 'zstd', 'tar'] },
        { name: 'full', diskMegabytes: 8, without: ['zstd'] },
      ],
    });
    [box, bare, full] = machines.hosts as [Host, Host, Host];
    await placeAgent(box);
  });
  after(() => machines.close());

  const meet = async (t: TestContext, host = box) => {
    const { pool, connect } = reach(t, machines);
    const connection = await connect(host.name);
    const agent = await greetAgent(connection);
    const uploads = new Uploads();
    t.after(() => uploads.close());
    const upload = (file: string, path: string) => uploads.upload(pool.settingsOf(connection), file, path);
    return { connection, agent, upload, runner: sshRunner(agent, upload), connect, pool };
  };

  let folders = 0;
  const ownFolder = async (host = box): Promise<string> => {
    folders += 1;
    await host.run(`mkdir -p "tests/${folders}"`);
    return join(host.home, 'tests', String(folders));
  };

  describe('as a runner', () => {
    testRunner(async (t) => ({
      runner: (await meet(t)).runner,
      node: nodeOf(box),
      folder: await ownFolder(),
      seen: (path) => box.path(path),
    }));
  });

  test('reports its machine', async (t) => {
    const { agent } = await meet(t);
    const { hostname, user, home, node, platform, paths, env } = agent.hello;
    assert.deepEqual(
      { hostname, user, home, node, platform, data: paths.data, env: env['HOME'] },
      {
        hostname: 'box',
        user: 'ann',
        home: box.home,
        node: process.versions.node,
        platform: { os: process.platform, cpu: process.arch, libc: 'glibc' },
        data: dataOf(box),
        env: box.home,
      },
    );
    assert.ok(Math.abs(agent.hello.now - Date.now()) < 60_000);
  });

  describe('runs daemons', () => {
    const setUp = async (t: TestContext, ...flags: string[]) => {
      const met = await meet(t);
      const folder = await ownFolder();
      writeFileSync(box.path(join(folder, 'daemon.mjs')), daemonProgram);
      const spec = () => ({
        name: 'queen',
        version: '1',
        argv: [nodeOf(box), join(folder, 'daemon.mjs'), join(folder, 'd.sock'), ...flags],
        env: { MARK: 'm' },
        cwd: folder,
        pidFile: join(folder, 'queen.pid'),
        healthUrl: 'http://queen/health',
        socketPath: join(folder, 'd.sock'),
        logFile: join(folder, 'logs', 'queen.log'),
        stopGraceMs: 300,
        readyTimeoutMs: 15_000,
      });
      const daemonOf = (runner = met.runner) => new Daemon({ spec, runner, env: { PATH: '/usr/bin' } });
      return { ...met, folder, daemon: daemonOf(), daemonOf };
    };

    test('which start only once, outlive agent and connection, are found again, and stop', async (t) => {
      const { daemon, daemonOf, connection, connect } = await setUp(t);
      assert.deepEqual(await daemon.status(), { status: 'stopped' });
      const [one, two] = await Promise.all([daemon.ensureRunning(), daemonOf().ensureRunning()]);
      assert.equal(one.pid, two.pid);
      assert.equal([one, two].filter(({ started }) => started).length, 1);
      await box.stopSshd({ connections: 'cut' });
      await box.startSshd();
      assert.equal(connection.isOpen, false);
      const agent = await greetAgent(await connect('box'));
      const again = daemonOf(sshRunner(agent, async () => {}));
      assert.deepEqual(await again.status(), { status: 'running', pid: one.pid });
      assert.equal(await again.stop(), true);
      assert.deepEqual(await again.status(), { status: 'stopped' });
    });

    test('which ignore SIGTERM, exit at once, or were killed', async (t) => {
      const deaf = await setUp(t, 'deaf');
      const { pid } = await deaf.daemon.ensureRunning();
      assert.equal(await deaf.daemon.stop(), true);
      assert.equal(await deaf.runner.identity(pid), null);
      const exiting = await setUp(t, 'exit');
      await assert.rejects(exiting.daemon.ensureRunning(), {
        code: 'START_FAILED',
        lines: ['starting', 'port is taken'],
      });
      const killed = await setUp(t);
      const before = await killed.daemon.ensureRunning();
      await killed.runner.signal({ pid: before.pid }, 'SIGKILL');
      const after = await killed.daemon.ensureRunning();
      assert.notEqual(after.pid, before.pid);
      await killed.daemon.stop();
    });
  });

  describe('when it exits', () => {
    const runs = (line: string) => box.processes().some(({ command }) => command === line);

    test('its locks are released and its programs end', async (t) => {
      for (const how of ['close', 'cut'] as const) {
        const { agent, runner, connection, connect } = await meet(t);
        const lock = join(await ownFolder(), 'a.lock');
        await runner.lock(lock, { timeoutMs: 5_000 });
        const running = runner.run(['sh', '-c', "trap '' TERM; sleep 6000 & sleep 6000"], {
          env: { PATH: '/usr/bin' },
        });
        running.catch(() => {});
        await until(() => box.processes().filter(({ command }) => command === 'sleep 6000').length === 2);
        const other = await greetAgent(connection);
        await assert.rejects(other.call('lock', [lock, { timeoutMs: 1 }]), { code: 'TIMEOUT' });
        if (how === 'close') agent.close();
        else await box.stopSshd({ connections: 'cut' });
        await assert.rejects(running, { code: 'SSH_CONNECTION_LOST' });
        await assert.rejects(runner.read('/etc/hostname'), { code: 'SSH_CONNECTION_LOST' });
        await until(() => !runs('sleep 6000'), { what: 'the end of its program' });
        await box.startSshd();
        const next = await greetAgent(await connect('box'));
        await next.call('lock', [lock, { timeoutMs: 10_000 }]);
        next.close();
      }
    });

    test('because it was killed, its callers learn that at once', async (t) => {
      const { agent, runner } = await meet(t);
      const waiting = runner.run(['sleep', '7000'], { env: { PATH: '/usr/bin' } });
      const told = assert.rejects(waiting, { code: 'HOST_COMMAND_FAILED', message: /agent of rbee.*SIGKILL/ });
      await box.run(`kill -9 ${agent.hello.pid}`);
      await told;
      assert.equal(agent.isOpen, false);
    });
  });

  // A silently cut connection kept the agent, and with it the lock on a hive, until sshd noticed hours later.
  test('after more silence than announced it exits, and silence that was not announced does not hold it', {
    skip: atFullScale,
  }, async (t) => {
    const child = spawn(process.execPath, [agentFile], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, RBEE_HOME: await tempFolder(t) },
    });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const exit = once(child, 'exit');
    child.stdin.write('{"id":1,"method":"run","args":[["sleep","8000"],{"env":{"PATH":"/usr/bin:/bin"}}]}\n');
    child.stdin.write('{"within":300}\n');
    assert.deepEqual(await exit, [0, null]);
  });

  test('says whether sockets and ports can be forwarded', async (t) => {
    const { agent, connection } = await meet(t);
    assert.deepEqual(await checkForwarding(connection, agent), { toSockets: true });
    await box.configureSshd({ lines: ['AllowStreamLocalForwarding no'] });
    const strict = await meet(t);
    assert.deepEqual(await checkForwarding(strict.connection, strict.agent), { toSockets: false });
    for (const line of ['AllowTcpForwarding no', 'DisableForwarding yes']) {
      await box.configureSshd({ lines: [line] });
      const { agent, connection } = await meet(t);
      const refusal = { code: 'SSH_FORWARDING_REFUSED', message: /does not forward connections to/ };
      await assert.rejects(checkForwarding(connection, agent), refusal, line);
    }
    await box.configureSshd({ lines: [] });
  });

  describe('on a machine that has none yet', { skip: atFullScale }, () => {
    const bareOf = async (t: TestContext, host: Host): Promise<BareHost> => {
      const found = await startAgent(await reach(t, machines).connect(host.name), agentParts);
      assert.ok(!(found instanceof AgentClient));
      return found;
    };
    const refused = (t: TestContext, code: string, message: RegExp) =>
      assert.rejects(bareOf(t, bare), { code, message });

    test('the machine is described, and nothing is written to it', async (t) => {
      const { glibc, freeBytes, ...found } = await bareOf(t, bare);
      assert.deepEqual(found, {
        os: 'linux',
        cpu: process.arch,
        libc: 'glibc',
        data: dataOf(bare),
        unpacks: 'none',
        installed: null,
        hasRuntime: false,
        hasLibatomic: true,
      });
      assert.match(glibc ?? '', /^\d+\.\d+$/);
      assert.ok((freeBytes ?? 0) > 0);
      assert.deepEqual(bare.files(), []);
      assert.equal((await bareOf(t, full)).unpacks, 'gzip');
      assert.ok(((await bareOf(t, full)).freeBytes ?? 0) <= 8 * 2 ** 20);
    });

    test('a login shell that prints first does not prevent the description', async (t) => {
      bare.setShell('banner');
      assert.equal((await bareOf(t, bare)).data, dataOf(bare));
      bare.setShell('bash');
    });

    test('an unsuitable machine says why', async (t) => {
      const program = (name: string, line: string) => bare.setProgram(name, `#!/bin/sh\n${line}\n`);
      program('uname', 'if [ "$1" = -m ]; then echo riscv64; else echo Linux; fi');
      await refused(t, 'HOST_UNSUPPORTED', /it runs linux on riscv64/);
      program('uname', 'if [ "$1" = -m ]; then echo x86_64; else echo FreeBSD; fi');
      await refused(t, 'HOST_UNSUPPORTED', /it runs FreeBSD on x64/);
      bare.setProgram('uname', null);
      program('getconf', 'echo glibc 2.17');
      await refused(t, 'HOST_UNSUPPORTED', /its glibc is 2.17, and Node needs 2.28/);
      bare.setProgram('getconf', null);
      await bare.setReadOnlyHome(true);
      await refused(t, 'HOST_FOLDER_UNUSABLE', /the folder \/home\/ann: it is not writable/);
      await bare.setReadOnlyHome(false);
      // This used to surface only once Node was uploaded and did not start.
      await bare.run('mount -o remount,bind,noexec .', { asRoot: true });
      await refused(t, 'HOST_FOLDER_UNUSABLE', /programs cannot be run from it/);
      await bare.run('mount -o remount,bind,exec .', { asRoot: true });
      assert.deepEqual(bare.files(), []);
    });

    describe('Node is installed', () => {
      let size: number;
      let sha256: string;
      let zst: string;
      let gz: string;
      before(async () => {
        [zst, gz] = ['zst', 'gz'].map((kind) => join(machines.client.home, `node.${kind}`)) as [string, string];
        sha256 = createHash('sha256').update(readFileSync(process.execPath)).digest('hex');
        size = statSync(process.execPath).size;
        await pipeline(createReadStream(process.execPath), createGzip({ level: 1 }), createWriteStream(gz));
        await pipeline(createReadStream(process.execPath), createZstdCompress(), createWriteStream(zst));
      });

      const place = async (
        t: TestContext,
        host: Host,
        { data: file, sum = sha256 }: { data: string; sum?: string },
      ) => {
        const { pool, connect } = reach(t, machines);
        const connection = await connect(host.name);
        const found = await bareOf(t, host);
        const uploads = new Uploads();
        t.after(() => uploads.close());
        const upload = `${found.data}/uploads/node`;
        await uploads.upload(pool.settingsOf(connection), file, upload);
        const name = `node-test-${found.os}-${found.cpu}`;
        await placeRuntime(connection, found, { name, sha256: sum, upload });
        return { pool, connection, uploads, found };
      };

      test('on a machine without zstd, gzip and tar, and then the agent starts', async (t) => {
        const { pool, connection, uploads, found } = await place(t, bare, { data: process.execPath });
        const files = bare.files(`${found.data}/runtimes`).filter((file) => !file.endsWith('/'));
        assert.deepEqual(files, [`node-test-linux-${process.arch}/bin/node`]);
        assert.equal(statSync(bare.path(nodeOf(bare))).size, size);
        assert.equal((await bareOf(t, bare)).hasRuntime, true);
        await uploads.upload(pool.settingsOf(connection), agentFile, `${found.data}/agent/${agentParts.agent}`);
        const agent = await greetAgent(connection);
        assert.equal(agent.hello.hostname, 'bare');
        const { stdout } = await bare.run('find .local -perm /077 ! -type l');
        assert.equal(stdout, '', 'other users can read nothing of it');
        assert.deepEqual(bare.files(`${found.data}/uploads`), []);
      });

      test('a damaged upload is refused and removed', async (t) => {
        await box.run('rm -rf .local/share/rbee/runtimes .local/share/rbee/uploads');
        const wrong = place(t, box, { data: zst, sum: 'f'.repeat(64) });
        await assert.rejects(wrong, {
          code: 'UPLOAD_FAILED',
          message: new RegExp(`is damaged \\(SHA-256 ${sha256}\\)`),
        });
        const half = join(machines.client.home, 'half.zst');
        writeFileSync(half, readFileSync(zst).subarray(0, 1_000_000));
        await assert.rejects(place(t, box, { data: half }), { code: 'HOST_COMMAND_FAILED', message: /premature end/ });
        assert.deepEqual(box.files(`${dataOf(box)}/runtimes`), []);
        assert.deepEqual(box.files(`${dataOf(box)}/uploads`), []);
        await placeAgent(box);
      });

      test('a full disk is reported, and no space stays taken', async (t) => {
        await assert.rejects(place(t, full, { data: gz }), {
          code: 'HOST_FOLDER_UNUSABLE',
          message: /full cannot use the folder \S+: .*No space left/i,
        });
        const left = full.files().filter((file) => !file.endsWith('/'));
        assert.deepEqual(left, []);
      });

      test('a home mounted noexec is reported', async (t) => {
        await box.run('rm -rf .local/share/rbee/runtimes; mount -o remount,bind,noexec .', { asRoot: true });
        try {
          const message = /programs cannot be run from it/;
          await assert.rejects(place(t, box, { data: zst }), { code: 'HOST_FOLDER_UNUSABLE', message, hint: /noexec/ });
        } finally {
          await box.run('mount -o remount,bind,exec .', { asRoot: true });
          await placeAgent(box);
        }
      });
    });

    test('an agent that cannot run reports the error of the system', async (t) => {
      const { connect } = reach(t, machines);
      const program = (script: string) => {
        const path = nodeOf(full);
        mkdirSync(full.path(join(path, '..')), { recursive: true });
        writeFileSync(full.path(path), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
        mkdirSync(full.path(join(dataOf(full), 'agent')), { recursive: true });
        writeFileSync(full.path(join(dataOf(full), 'agent', agentParts.agent)), '');
      };
      const starting = async () => startAgent(await connect('full'), agentParts);
      program(
        'echo "node: error while loading shared libraries: libatomic.so.1: cannot open shared object file" >&2; exit 127',
      );
      await assert.rejects(starting(), { code: 'HOST_UNSUPPORTED', hint: /install libatomic1/ });
      program(`echo "node: /lib/libc.so.6: version \\\`GLIBC_2.28' not found (required by node)" >&2; exit 1`);
      await assert.rejects(starting(), { code: 'HOST_UNSUPPORTED', message: /too old for Node/ });
      program('echo "SyntaxError: x" >&2; exit 1');
      await assert.rejects(starting(), { code: 'HOST_COMMAND_FAILED', message: /SyntaxError: x/ });
      program('kill -SEGV $$');
      await assert.rejects(starting(), { code: 'HOST_COMMAND_FAILED', message: /SIGSEGV/ });
      program('exec tr "\\\\0" x < /dev/zero');
      await assert.rejects(starting(), {
        code: 'HIVE_PROTOCOL_ERROR',
        message: /a line is longer than 16777216 bytes/,
      });
      await until(() => !full.processes().some(({ command }) => command.startsWith('tr ')));
      const stop = new AbortController();
      program('exec sleep 9000');
      const waiting = startAgent(await connect('full'), agentParts, stop.signal);
      await until(() => full.processes().some(({ command }) => command === 'sleep 9000'));
      stop.abort(new Error('enough'));
      await assert.rejects(waiting, { message: 'enough' });
    });
  });
});
