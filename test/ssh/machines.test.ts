/** Checks the test harness with the plain `ssh` client, so that tests can rely on what it promises. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { cannot, createMachines, type Host, type Machines } from '../harness/machines.ts';
import { atFullScale, sampleOf, until } from '../harness/until.ts';

/** Runs a line on a host over SSH, expects it to succeed, and returns its output. */
const over = async (machines: Machines, host: string, line: string): Promise<string> => {
  const run = await machines.client.ssh([host, line]);
  assert.equal(run.code, 0, `${run.stdout}\n${run.stderr}\n${machines.host(host).sshdLog()}`);
  return run.stdout.trim();
};

const isGone = (pid: number): boolean => {
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
};

describe('machines in namespaces', { skip: cannot('network') }, () => {
  let machines: Machines;
  let pi: Host;
  let box: Host;
  let lab: Host;
  before(async () => {
    machines = await createMachines({
      hosts: ['pi', { name: 'box', home: '/home/ann and bob', port: 2222 }, { name: 'lab', behind: 'pi' }],
    });
    [pi, box, lab] = machines.hosts as [Host, Host, Host];
  });
  after(() => machines.close());

  test('hosts are reached by name, each with its own host name, ordinary user and home', async () => {
    for (const host of machines.hosts) {
      const [name, user, home, here] = (
        await over(machines, host.name, 'cat /proc/sys/kernel/hostname; id -un; echo "$HOME"; cd ~; pwd; echo x > mine')
      ).split('\n');
      assert.deepEqual([name, user, home, here], [host.name, 'ann', host.home, host.home]);
    }
    assert.equal(box.home, '/home/ann and bob');
    writeFileSync(pi.path('only here'), 'hello');
    assert.deepEqual(pi.files(), ['mine', 'only here']);
    assert.deepEqual(box.files(), ['mine']);
    assert.equal(await over(machines, 'pi', 'cat "only here"'), 'hello');
  });

  test('a host sees no Node, no part of this repository, and no processes or files of other hosts', async () => {
    assert.equal(await over(machines, 'pi', 'command -v node npm; command -v tar'), '/usr/bin/tar');
    assert.equal(await over(machines, 'pi', `ls ${join(import.meta.dirname, '../..')} | wc -l`), '0');
    assert.equal(await over(machines, 'pi', 'ls -d /proc/[0-9]* | wc -l').then((count) => Number(count) < 10), true);
    await over(machines, 'pi', 'touch /tmp/of-pi');
    assert.equal(await over(machines, 'box', 'ls /tmp'), '');
  });

  test('a host behind a jump host is reached only through it', async () => {
    assert.equal(await over(machines, 'lab', 'cat /proc/sys/kernel/hostname'), 'lab');
    const direct = await machines.client.ssh(['-o', 'ProxyJump=none', 'lab', 'true']);
    assert.equal(direct.code, 255);
    assert.match(direct.stderr, /No route to host|timed out/);
  });

  test('a host cannot reach the internet', { skip: atFullScale }, async () => {
    const run = await pi.run('ip route show default; getent hosts example.org');
    assert.equal(run.stdout, '');
    assert.notEqual(run.code, 0);
  });

  test('a host is reached over IPv6 too', { skip: atFullScale }, async () => {
    const run = await machines.client.ssh(['-o', `HostName=${pi.address6}`, 'pi', 'echo "$SSH_CONNECTION"']);
    assert.equal(run.code, 0, run.stderr);
    assert.ok(run.stdout.includes(` ${pi.address6} 22`), run.stdout);
  });

  test('a cut link is silent, and a session survives it', { skip: atFullScale }, async () => {
    const { config, home } = machines.client;
    const session = spawn('ssh', ['-F', config, 'box', 'cat'], { env: { ...process.env, HOME: home } });
    try {
      session.stdin.write('before\n');
      await once(session.stdout, 'data');
      await box.linkDown();
      assert.notEqual((await machines.client.ssh(['box', 'true'], { connectSeconds: 1 })).code, 0);
      session.stdin.write('after\n');
      await box.linkUp();
      const [said] = await once(session.stdout, 'data');
      assert.equal(String(said), 'after\n');
    } finally {
      session.kill('SIGKILL');
    }
  });

  test('the link of a host behind a jump host can be cut on its own', { skip: atFullScale }, async () => {
    await lab.linkDown();
    assert.notEqual((await machines.client.ssh(['lab', 'true'], { connectSeconds: 1 })).code, 0);
    assert.equal(await over(machines, 'pi', 'echo yes'), 'yes');
    await lab.linkUp();
    assert.equal(await over(machines, 'lab', 'echo yes'), 'yes');
  });

  for (const name of sampleOf(['box', 'lab'])) {
    test(`a shaped link is slow and delayed in both directions, and plain again afterwards (${name})`, async () => {
      const host = machines.host(name);
      const timed = async (line: string, input?: string): Promise<number> => {
        const start = performance.now();
        assert.equal((await machines.client.ssh([name, line], { input })).code, 0);
        return performance.now() - start;
      };
      const megabyte = 'x'.repeat(2 ** 20);
      await host.shape({ mbit: 16 });
      // Half a second each at this rate, minus the first 128 KB: a lower bound that holds on any machine.
      assert.ok((await timed('cat > /dev/null', megabyte)) > 400);
      assert.ok((await timed('head -c 1048576 /dev/zero')) > 400);
      await host.shape({ delayMs: 200 });
      // A handshake takes more than four round trips.
      assert.ok((await timed('true')) > 800);
      await host.shape({});
      assert.equal(await over(machines, name, 'echo yes'), 'yes');
    });
  }

  test('a stopped sshd refuses connections, keeps its sessions unless they are cut, and starts again', {
    skip: atFullScale,
  }, async () => {
    const { config, home } = machines.client;
    const session = spawn('ssh', ['-F', config, 'box', 'cat'], { env: { ...process.env, HOME: home } });
    const ended = once(session, 'exit');
    session.stdin.write('one\n');
    await once(session.stdout, 'data');
    await box.stopSshd();
    assert.match((await machines.client.ssh(['box', 'true'])).stderr, /Connection refused/);
    session.stdin.write('two\n');
    assert.equal(String((await once(session.stdout, 'data'))[0]), 'two\n');
    await box.restartSshd();
    assert.equal(await over(machines, 'box', 'echo yes'), 'yes');
    await box.stopSshd({ connections: 'cut' });
    assert.equal((await ended)[0], 255);
    await box.startSshd();
    assert.equal(await over(machines, 'box', 'echo yes'), 'yes');
  });

  test('a changed host key is refused until it is trusted', async () => {
    await pi.changeHostKey();
    assert.match((await machines.client.ssh(['pi', 'true'])).stderr, /REMOTE HOST IDENTIFICATION HAS CHANGED/);
    machines.client.trust(pi);
    assert.equal(await over(machines, 'pi', 'echo yes'), 'yes');
  });

  test('an unknown key is refused, and so is an encrypted one until an agent holds it', {
    skip: atFullScale,
  }, async () => {
    const { keys, ssh, agent, config, home } = machines.client;
    // The configuration without the key that hosts accept.
    const bare = join(home, '.ssh/bare');
    writeFileSync(bare, readFileSync(config, 'utf8').replace(/^ *IdentityFile .*\n/m, ''));
    for (const key of [keys.stranger, keys.encrypted])
      assert.match((await ssh(['-i', key, 'pi', 'true'], { config: bare })).stderr, /Permission denied/);
    const { env, close } = await agent([keys.encrypted]);
    const run = await ssh(['pi', 'echo yes'], { config: bare, env });
    assert.equal(run.stdout, 'yes\n', run.stderr);
    close();
  });

  test('login shells: one prints a greeting, one is restricted, one refuses logins', {
    skip: atFullScale,
  }, async () => {
    box.setShell('banner');
    assert.match(await over(machines, 'box', 'echo yes'), /Welcome to this host.*\nyes$/s);
    box.setShell('rbash');
    assert.match((await machines.client.ssh(['box', '/bin/echo yes'])).stderr, /restricted/);
    box.setShell('nologin');
    assert.match((await machines.client.ssh(['box', 'echo yes'])).stdout, /account is currently not available/);
    box.setShell('sh');
    assert.equal(await over(machines, 'box', 'echo "$SHELL"'), '/bin/sh');
    box.setShell('bash');
  });

  test('fish works as the login shell', { skip: cannot('fish') }, async () => {
    box.setShell('fish');
    assert.equal(await over(machines, 'box', 'set word yes; echo $word'), 'yes');
    box.setShell('bash');
  });

  test('an sshd can run without sftp and forwarding', async () => {
    await box.configureSshd({ sftp: false, lines: ['DisableForwarding yes'] });
    const sftp = await machines.client.ssh(['-s', 'box', 'sftp']);
    assert.match(sftp.stderr, /subsystem request failed/);
    const forward = await machines.client.ssh(['-W', '127.0.0.1:2222', 'box']);
    assert.match(forward.stderr, /forwarding failed|prohibited/);
    await box.configureSshd({ sftp: true, lines: [] });
    assert.equal((await machines.client.ssh(['-s', 'box', 'sftp'])).code, 0);
  });

  test('programs of a host can be replaced and restored', { skip: atFullScale }, async () => {
    box.setProgram('uname', '#!/bin/sh\necho aarch64\n');
    assert.equal(await over(machines, 'box', 'uname -m'), 'aarch64');
    box.setProgram('uname', null);
    assert.notEqual(await over(machines, 'box', 'uname'), 'aarch64');
  });

  test('a read-only home takes no files until it is writable again', { skip: atFullScale }, async () => {
    await box.setReadOnlyHome(true);
    assert.match((await machines.client.ssh(['box', 'touch new'])).stderr, /Read-only file system/);
    await box.setReadOnlyHome(false);
    await over(machines, 'box', 'touch new && rm new');
  });

  test('a reboot ends and reaps every process, changes the boot id and keeps the files', async () => {
    const bootId = 'cat /proc/sys/kernel/random/boot_id';
    const earlier = await over(machines, 'box', bootId);
    await over(machines, 'box', 'echo kept > kept; touch /tmp/lost; setsid sleep 1000 > /dev/null 2>&1 < /dev/null &');
    const sleeper = await until(() => box.processes().find(({ command }) => command === 'sleep 1000'));
    assert.equal(await over(machines, 'box', `cat /proc/${sleeper.inside}/comm`), 'sleep');
    await box.reboot();
    await until(() => !existsSync(`/proc/${sleeper.pid}`), { what: 'the end of the sleeping process' });
    assert.deepEqual(box.processes(), []);
    assert.notEqual(await over(machines, 'box', bootId), earlier);
    assert.equal(await over(machines, 'box', 'cat kept; ls /tmp'), 'kept');
  });
});

test('a bare host has no tar, a small disk, an unknown key, and root with another home', {
  skip: cannot('disk'),
}, async () => {
  const machines = await createMachines({
    hosts: [
      { name: 'bare', without: ['tar', 'gzip'], diskMegabytes: 2, known: false, user: 'root', home: '/home/the root' },
    ],
  });
  try {
    assert.match((await machines.client.ssh(['bare', 'true'])).stderr, /Host key verification failed/);
    machines.client.trust(machines.host('bare'));
    assert.equal(await over(machines, 'bare', 'id -un; pwd; command -v tar gzip || true'), 'root\n/home/the root');
    const full = await machines.client.ssh(['bare', 'head -c 4194304 /dev/zero > big']);
    assert.match(full.stderr, /No space left on device/);
    assert.deepEqual(machines.host('bare').files(), ['big']);
  } finally {
    await machines.close();
  }
});

const interfaces = (): string[] => readdirSync('/sys/class/net').filter((name) => name.startsWith('rbt'));
const slotOf = (machines: Machines): { bridge: string; folder: string } => ({
  bridge: `rbt${machines.hosts[0]!.address.split('.')[2]}`,
  folder: dirname(machines.client.home),
});

test('fleets side by side do not interfere', { skip: cannot('network') || atFullScale }, async () => {
  const fleets = await Promise.all([createMachines({ hosts: ['same'] }), createMachines({ hosts: ['same'] })]);
  try {
    await Promise.all(fleets.map((fleet, nth) => over(fleet, 'same', `echo ${nth} > mine`)));
    assert.deepEqual(await Promise.all(fleets.map((fleet) => over(fleet, 'same', 'cat mine'))), ['0', '1']);
  } finally {
    await Promise.all(fleets.map((fleet) => fleet.close()));
  }
});

test('closing leaves no process, interface, mount or folder, whatever is running or shaped', {
  skip: cannot('network') || atFullScale,
}, async (t) => {
  const machines = await createMachines({ hosts: ['a', { name: 'b', behind: 'a' }] });
  // Also closes it if the test fails; otherwise it would keep the test process alive. Closing twice is harmless.
  t.after(() => machines.close());
  const { bridge, folder } = slotOf(machines);
  await machines.host('a').shape({ mbit: 100, delayMs: 10 });
  await machines.client.agent([machines.client.keys.accepted]);
  for (const { name } of machines.hosts)
    await over(machines, name, "setsid sh -c 'trap : TERM HUP; sleep 1000; sleep 1000' > /dev/null 2>&1 < /dev/null &");
  const running = await until(() => {
    const all = machines.hosts.flatMap((host) => host.processes({ all: true }));
    return all.filter(({ command }) => command === 'sleep 1000').length === 2 && all;
  });
  assert.ok(interfaces().includes(bridge));
  await machines.close();
  assert.deepEqual(
    running.filter(({ pid }) => !isGone(pid)),
    [],
  );
  assert.deepEqual(
    interfaces().filter((name) => name === bridge || name.startsWith(`${bridge}-`)),
    [],
  );
  assert.ok(!existsSync(folder));
  assert.ok(!readFileSync('/proc/mounts', 'utf8').includes(folder));
});

test('leftovers of a killed test are removed by the next one', { skip: cannot('network') }, async () => {
  const script = `
    import { createMachines } from ${JSON.stringify(join(import.meta.dirname, '../harness/machines.ts'))};
    const machines = await createMachines({ hosts: 2 });
    await machines.host('m1').shape({ delayMs: 10 });
    const pids = machines.hosts.flatMap((host) => host.processes({ all: true })).map(({ pid }) => pid);
    console.log(JSON.stringify({ home: machines.client.home, address: machines.hosts[0].address, pids }));
    setInterval(() => {}, 1000);
  `;
  const doomed = spawn(process.execPath, ['--input-type=module', '--eval', script]);
  const [line] = await once(doomed.stdout, 'data');
  const { home, address, pids } = JSON.parse(String(line));
  assert.ok(existsSync(home) && pids.length === 2);
  doomed.kill('SIGKILL');
  await once(doomed, 'exit');
  await until(() => (pids as number[]).every(isGone), { what: 'the end of its hosts' });
  const machines = await createMachines({ hosts: 1 });
  try {
    assert.ok(!existsSync(home));
    const bridge = `rbt${address.split('.')[2]}`;
    assert.ok(slotOf(machines).bridge === bridge || !interfaces().includes(bridge));
  } finally {
    await machines.close();
  }
});

test('hosts on loopback have their own homes and say what they cannot do', { skip: cannot('ssh') }, async () => {
  const machines = await createMachines({ hosts: ['a', 'b', { name: 'c', behind: 'a' }], loopback: true });
  const folder = dirname(machines.client.home);
  let sleeper: number;
  try {
    for (const { name, home } of machines.hosts) {
      assert.equal(
        await over(machines, name, 'pwd; echo "$HOME"; cd ~; pwd; echo x > mine'),
        [home, home, home].join('\n'),
      );
      assert.deepEqual(machines.host(name).files(), ['mine']);
    }
    const a = machines.host('a');
    await assert.rejects(a.linkDown(), /do not offer "network"/);
    await a.changeHostKey();
    assert.match((await machines.client.ssh(['a', 'true'])).stderr, /HAS CHANGED/);
    machines.client.trust(a);
    const startSleeper = async (): Promise<number> => {
      await over(machines, 'a', 'setsid sleep 1000 > /dev/null 2>&1 < /dev/null &');
      return (await until(() => a.processes().find(({ command }) => command === 'sleep 1000'))).pid;
    };
    const first = await startSleeper();
    await a.reboot();
    await until(() => isGone(first), { what: 'the end of the sleeping process' });
    sleeper = await startSleeper();
    await a.stopSshd({ connections: 'cut' });
    assert.match((await machines.client.ssh(['a', 'true'])).stderr, /Connection refused/);
  } finally {
    await machines.close();
  }
  await until(() => isGone(sleeper), { what: 'the end of the sleeping process' });
  assert.ok(!existsSync(folder));
});
