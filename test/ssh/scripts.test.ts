/** Scripts on machines as they really are: unusual login shells, homes with blanks, few programs, few permissions. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { SshConnection } from '../../core/ssh/connection.ts';
import { quote, runScript, startScript } from '../../core/ssh/script.ts';
import { cannot, createMachines, type Host, type Machines } from '../harness/machines.ts';
import { reach } from '../harness/reach.ts';
import { until } from '../harness/until.ts';

const awkward = [
  '',
  ' a  b ',
  `it's "quoted"`,
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is meant for the shell.
  '$(touch /tmp/evil) `id` $HOME ${PATH} !! \\ \\n %s ~ * ? [a] {b,c} <x >y |z &w;v #u',
  'two\nlines\n\n',
  '\ttab\r\nand \u2028 and \u{1f41d}',
  '-n',
  '--',
];

describe('scripts', { skip: cannot('network') }, () => {
  let machines: Machines;
  let box: Host;
  before(async () => {
    machines = await createMachines({ hosts: [{ name: 'box', home: '/home/ann and bob' }] });
    [box] = machines.hosts as [Host];
  });
  after(() => machines.close());

  const connect = (t: TestContext): Promise<SshConnection> => reach(t, machines).connect('box');

  /** What a program gets as its arguments, each between markers. */
  const seen = async (connection: SshConnection): Promise<string[]> => {
    const { stdout } = await runScript(connection, `printf '%s\\036' ${awkward.map(quote).join(' ')}`);
    return stdout.split('\x1e').slice(0, -1);
  };

  test('arguments arrive unchanged', async (t) => {
    assert.deepEqual(await seen(await connect(t)), awkward);
    assert.ok(!box.files('/tmp').includes('evil'));
  });

  test('stdin and stdout are carried byte for byte', async (t) => {
    const connection = await connect(t);
    const data = randomBytes(3 * 1024 * 1024);
    const running = await startScript(connection, 'cat');
    const chunks: Buffer[] = [];
    running.channel.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
    running.channel.end(data);
    assert.deepEqual(await running.ended, { code: 0, signal: null });
    assert.ok(Buffer.concat(chunks).equals(data));
  });

  test('exit codes, signals, stderr and long output are reported', async (t) => {
    const connection = await connect(t);
    const failed = await runScript(connection, 'echo out; echo err >&2; exit 7');
    assert.deepEqual(failed, { code: 7, signal: null, stdout: 'out\n', stderr: 'err' });
    assert.equal((await runScript(connection, 'false')).code, 1);
    assert.equal((await runScript(connection, 'kill -9 $$')).signal, 'SIGKILL');
    const long = await runScript(connection, 'head -c 10485760 /dev/zero | tr "\\0" x; head -c 100000 /dev/zero >&2');
    assert.equal(long.stdout.length, 10 * 1024 * 1024);
    assert.equal(long.stderr.length, 8 * 1024);
    // A program that reads stdin does not block, nor consume the script.
    assert.equal((await runScript(connection, 'cat; echo after')).stdout, 'after\n');
    assert.equal((await runScript(connection, 'pwd')).stdout, '/home/ann and bob\n');
  });

  test('an abort ends what runs on the machine and frees its session', async (t) => {
    const connection = await connect(t);
    for (const script of ['sleep 4000', 'sleep 4000 & wait', 'trap "" HUP PIPE; while :; do sleep 4000; done', 'yes']) {
      const stop = new AbortController();
      const running = runScript(connection, script, { signal: stop.signal });
      await until(() => box.processes().some(({ command }) => /^(sleep 4000|yes)$/.test(command)), { what: script });
      stop.abort(new Error('enough'));
      await assert.rejects(running, { message: 'enough' });
      await until(() => !box.processes().some(({ command }) => /^(sleep 4000|yes|sh)$/.test(command)), {
        what: script,
      });
    }
    const aborted = runScript(connection, 'true', { signal: AbortSignal.abort(new Error('before')) });
    await assert.rejects(aborted, { message: 'before' });
    const all = await Promise.all(Array.from({ length: 8 }, () => runScript(connection, 'echo yes')));
    assert.ok(all.every(({ stdout }) => stdout === 'yes\n'));
  });

  test('scripts beyond the session limit of a connection wait their turn', async (t) => {
    const connection = await connect(t);
    let most = 0;
    let inside = 0;
    const scripts = Array.from({ length: 24 }, async (_, nth) => {
      const running = await startScript(connection, `read line; echo ${nth} $line`);
      inside += 1;
      most = Math.max(most, inside);
      let said = '';
      running.channel.on('data', (chunk: Buffer) => (said += chunk)).resume();
      running.channel.end('x\n');
      await running.ended;
      inside -= 1;
      return said;
    });
    assert.deepEqual(
      await Promise.all(scripts),
      Array.from({ length: 24 }, (_, nth) => `${nth} x\n`),
    );
    assert.ok(most > 1 && most <= 8, `${most} at once`);
  });

  describe('login shells', () => {
    after(() => box.setShell('bash'));

    for (const shell of ['sh', 'bash', 'banner', 'rbash'] as const) {
      test(`${shell} works`, async (t) => {
        box.setShell(shell);
        const connection = await connect(t);
        assert.deepEqual(await seen(connection), awkward);
        assert.equal((await runScript(connection, 'echo yes; exit 3')).code, 3);
      });
    }

    test('fish works', { skip: cannot('fish') }, async (t) => {
      box.setShell('fish');
      assert.deepEqual(await seen(await connect(t)), awkward);
    });

    test('a shell that prints a megabyte on stdout and stderr, with half of the marker in it, works', async (t) => {
      const bytes = 1024 * 1024;
      box.setShell('banner');
      box.setProgram(
        'banner-shell',
        `#!/bin/sh\nhead -c ${bytes} /dev/zero | tr '\\0' x; head -c ${bytes} /dev/zero >&2; echo; printf rbee-; exec /bin/bash "$@"\n`,
      );
      assert.deepEqual(await seen(await connect(t)), awkward);
    });

    test('a shell that refuses logins, exits at once, prints without end or starts nothing is reported', async (t) => {
      box.setShell('nologin');
      const error = { code: 'SSH_SHELL_UNUSABLE', hint: /ordinary login shell/ };
      await assert.rejects(runScript(await connect(t), 'true'), {
        ...error,
        message: /user ann .* on hive box: .*not available/,
      });
      box.setShell('banner');
      const pretend = (script: string) => box.setProgram('banner-shell', `#!/bin/sh\n${script}\n`);
      const connection = await connect(t);
      pretend('exit 0');
      await assert.rejects(runScript(connection, 'true'), { ...error, message: /it exits immediately/ });
      pretend('echo no entry >&2; exit 1');
      await assert.rejects(runScript(connection, 'true'), { ...error, message: /no entry/ });
      pretend('exec yes');
      await assert.rejects(runScript(connection, 'true'), { ...error, message: /it prints endless output/ });
      pretend('exec /bin/bash "$@"');
      await assert.rejects(runScript(connection, 'exec yes'), { ...error, message: /it prints endless output/ });
      pretend('exec sleep 5000');
      await assert.rejects(runScript(connection, 'true', { beginMs: 300 }), { ...error, message: /does not start sh/ });
      await until(() => !box.processes().some(({ command }) => /^(sleep 5000|yes)$/.test(command)), {
        what: 'their end',
      });
      // The sessions are free again: eight scripts can run at once.
      pretend('exec /bin/bash "$@"');
      const all = await Promise.all(Array.from({ length: 8 }, () => runScript(connection, 'echo yes')));
      assert.ok(all.every(({ stdout }) => stdout === 'yes\n'));
    });
  });

  test('a command that is forced on the key is reported', async (t) => {
    await box.configureSshd({ lines: ['ForceCommand echo only this'] });
    const message = /only this/;
    await assert.rejects(runScript(await connect(t), 'true'), { code: 'SSH_SHELL_UNUSABLE', message });
    await box.configureSshd({ lines: [] });
  });
});
