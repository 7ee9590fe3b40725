/**
 * Everything that can go wrong when connecting to a machine, against a real sshd. Each error is clear and arrives in
 * time.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { RbeeError } from '../../core/contract/errors.ts';
import type { SshConnection } from '../../core/ssh/connection.ts';
import type { Asker } from '../../core/ssh/pool.ts';
import { runScript } from '../../core/ssh/script.ts';
import { makeKey, publicKey } from '../harness/machines/keys.ts';
import { cannot, createMachines, type Host, type Machines } from '../harness/machines.ts';
import { makeHome, reach } from '../harness/reach.ts';
import { until } from '../harness/until.ts';

const nameOf = async (connection: SshConnection): Promise<string> =>
  (await runScript(connection, 'cat /proc/sys/kernel/hostname')).stdout.trim();

/** Gives its answers in order, and records the questions. */
const person = (...answers: string[]): Asker & { questions: string[]; secret: boolean[] } => {
  const questions: string[] = [];
  const secret: boolean[] = [];
  return {
    questions,
    secret,
    ask: async (question, _choices, isSecret) => {
      questions.push(question);
      secret.push(isSecret === true);
      return answers.shift() ?? '';
    },
  };
};

const refused = async (attempt: Promise<unknown>, code: string, problem: RegExp): Promise<RbeeError> => {
  const error = await attempt.then(
    () => assert.fail('the login was accepted'),
    (thrown: RbeeError) => thrown,
  );
  assert.equal(error.code, code, String(error.stack));
  assert.match(error.message, problem);
  assert.ok(error.hint.length > 10 && !/[{}]/.test(`${error.message} ${error.hint}`), error.hint);
  return error;
};

/** A local port on which something other than sshd listens. */
const listen = async (t: TestContext, serve: (socket: Socket) => void): Promise<number> => {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
};

describe('connecting to a machine', { skip: cannot('network') }, () => {
  let machines: Machines;
  let pi: Host;
  let box: Host;
  let lab: Host;
  before(async () => {
    machines = await createMachines({
      hosts: [
        'pi',
        { name: 'box', home: '/home/ann and bob', port: 2222 },
        { name: 'lab', behind: 'pi' },
        { name: 'deep', behind: 'lab' },
      ],
    });
    [pi, box, lab] = machines.hosts as [Host, Host, Host];
  });
  after(() => machines.close());

  describe('keys', () => {
    test('an accepted key logs in, and the connection says which key it was', async (t) => {
      const connection = await reach(t, machines).connect('pi');
      assert.equal(await nameOf(connection), 'pi');
      assert.equal(connection.shown.authentication, machines.client.keys.accepted);
      assert.equal(connection.shown.hostKey?.type, 'ssh-ed25519');
      assert.match(connection.shown.hostKey?.fingerprint ?? '', /^SHA256:\S{43}$/);
    });

    test('a wrong key or user is refused, and the error lists what was tried', async (t) => {
      const { connect } = reach(t, machines);
      const { stranger } = machines.client.keys;
      const target = { alias: 'my-pi', hostname: 'pi', identityFile: stranger };
      const error = await refused(
        connect(target),
        'SSH_AUTH_FAILED',
        /cannot authenticate to hive my-pi \(ann@[\d.]+\)/,
      );
      assert.ok(error.message.includes(stranger), error.message);
      await refused(connect({ alias: 'pi', hostname: 'pi', user: 'bob' }), 'SSH_AUTH_FAILED', /bob@/);
    });

    test('a missing key and an invalid key file are reported', async (t) => {
      const home = makeHome(machines);
      await refused(reach(t, machines, { home }).connect('pi'), 'SSH_AUTH_FAILED', /there is no key to try/);
      writeFileSync(join(home, '.ssh/id_ed25519'), 'hello\n', { mode: 0o600 });
      await refused(reach(t, machines, { home }).connect('pi'), 'SSH_AUTH_FAILED', /id_ed25519 is not a private key/);
    });

    test('the SSH agent of the client is enough, and an agent without the right key is reported', async (t) => {
      const { keys, agent } = machines.client;
      const home = makeHome(machines);
      const right = await agent([keys.accepted]);
      const wrong = await agent([keys.stranger]);
      const { connect } = reach(t, machines, { home });
      await refused(connect('pi', { agent: wrong.env.SSH_AUTH_SOCK }), 'SSH_AUTH_FAILED', /1 key of the SSH agent/);
      const connection = await connect('pi', { agent: right.env.SSH_AUTH_SOCK });
      assert.equal(connection.shown.authentication, '1 key of the SSH agent');
      // It is remembered for callers without an agent, such as heartbeats.
      connection.close();
      assert.equal(await nameOf(await connect('pi')), 'pi');
      right.close();
      wrong.close();
      const nobody = join(machines.client.home, 'no-agent.sock');
      await refused(
        connect('box', { agent: nobody }),
        'SSH_AUTH_FAILED',
        /the SSH agent at \S+no-agent.sock does not answer/,
      );
    });

    test('an agent with more keys than the machine allows attempts is reported; naming the key helps', async (t) => {
      const many = Array.from({ length: 8 }, (_, nth) => join(machines.client.home, `many-${nth}`));
      await Promise.all(many.map((key) => makeKey(key)));
      const { keys, agent } = machines.client;
      const { env, close } = await agent([...many, keys.accepted]);
      const target = { alias: 'pi', hostname: 'pi' };
      const home = makeHome(machines);
      await refused(
        reach(t, machines, { home, env }).connect(target),
        'SSH_AUTH_FAILED',
        /9 keys.*seen too many attempts/,
      );
      const named = await reach(t, machines, { home, env }).connect({ ...target, identityFile: keys.accepted });
      assert.equal(named.shown.authentication, '1 key of the SSH agent');
      // This also works from ~/.ssh/config, where the other keys are offered too, but later.
      const configured = makeHome(machines, (config) => `${config}\n  IdentityFile ${keys.accepted}\n`);
      await reach(t, machines, { home: configured, env }).connect(target);
      close();
    });

    test('the passphrase of an encrypted key is asked for once, and never when an agent holds the key', async (t) => {
      const { keys, passphrase, agent } = machines.client;
      const home = makeHome(machines);
      const target = { alias: 'pi', hostname: 'pi', identityFile: keys.encrypted };
      const { connect } = reach(t, machines, { home });
      const error = await refused(connect(target), 'SSH_KEY_ENCRYPTED', /there is no terminal to ask/);
      assert.match(error.hint, /ssh-add/);
      const ann = person('wrong', passphrase);
      (await connect(target, ann)).close();
      assert.equal(ann.questions.length, 2);
      assert.match(ann.questions[0] ?? '', /^Passphrase of the key \S+id_encrypted:$/);
      assert.match(ann.questions[1] ?? '', /^Wrong passphrase\. Passphrase/);
      assert.deepEqual(ann.secret, [true, true]);
      assert.equal(await nameOf(await connect(target)), 'pi');
      const { env, close } = await agent([keys.encrypted]);
      assert.equal(await nameOf(await reach(t, machines, { home, env }).connect(target)), 'pi');
      close();
    });

    test('a third wrong passphrase ends the attempt', async (t) => {
      const target = { alias: 'pi', hostname: 'pi', identityFile: machines.client.keys.encrypted };
      const ann = person('one', 'two', 'three', machines.client.passphrase);
      await refused(reach(t, machines).connect(target, ann), 'SSH_KEY_ENCRYPTED', /the passphrase is wrong/);
      assert.equal(ann.questions.length, 3);
    });

    test('each of several encrypted keys gets three attempts of its own', async (t) => {
      const other = join(machines.client.home, 'other-encrypted');
      await makeKey(other, { passphrase: 'other' });
      const { encrypted } = machines.client.keys;
      const files = `  IdentityFile ${other}\n  IdentityFile ${encrypted}\n`;
      const home = makeHome(machines, (config) => config.replace('Host *\n', `Host *\n${files}`));
      const ann = person('no', 'nor this', 'other', 'no', machines.client.passphrase);
      await reach(t, machines, { home }).connect('pi', ann);
      assert.equal(ann.questions.length, 5);
    });

    // Such a key used to be accepted.
    test('like OpenSSH, rbee does not use a key that other users can read, unless an agent holds it', async (t) => {
      const { accepted, encrypted } = machines.client.keys;
      const home = makeHome(machines);
      for (const [key, mode] of [
        [accepted, 0o644],
        [accepted, 0o640],
        [encrypted, 0o604],
      ] as const) {
        const open = join(home, `key-${mode.toString(8)}`);
        copyFileSync(key, open);
        chmodSync(open, mode);
        const target = { alias: 'pi', hostname: 'pi', identityFile: open };
        const ann = person(machines.client.passphrase);
        const problem = new RegExp(
          `is ignored, because other users can read it \\(mode 0${mode.toString(8)}\\): chmod 600 ${open}`,
        );
        await refused(reach(t, machines, { home }).connect(target, ann), 'SSH_AUTH_FAILED', problem);
        assert.equal(ann.questions.length, 0);
        const plain = await machines.client.ssh([
          '-o',
          'IdentitiesOnly=yes',
          '-i',
          open,
          '-F',
          join(home, '.ssh/config'),
          'pi',
          'true',
        ]);
        assert.match(plain.stderr, /permissions|denied/i);
      }
      const { env, close } = await machines.client.agent([accepted]);
      const named = { alias: 'pi', hostname: 'pi', identityFile: join(home, 'key-644') };
      assert.equal(await nameOf(await reach(t, machines, { home, env }).connect(named)), 'pi');
      close();
    });

    test('an unreadable key file is reported', async (t) => {
      const home = makeHome(machines, (config) => `${config}\n  IdentityFile ${machines.client.home}\n`);
      await refused(reach(t, machines, { home }).connect('pi'), 'SSH_AUTH_FAILED', /cannot be read/);
    });
  });

  describe('host keys', () => {
    const knownIn = (home: string): string => join(home, '.ssh/known_hosts');

    test('an unknown key is shown to the user, and remembered once accepted', async (t) => {
      const home = makeHome(machines);
      const known = knownIn(home);
      writeFileSync(known, '# mine');
      const nobody = await refused(
        reach(t, machines, { home }).connect('pi'),
        'SSH_HOST_KEY_UNKNOWN',
        /ssh-ed25519 SHA256:/,
      );
      assert.match(nobody.hint, /ssh-keygen -lf.*--accept-new-host-keys/);
      const { accepted: identityFile } = machines.client.keys;
      const target = { alias: 'pi', hostname: 'pi', identityFile };
      const no = person('no');
      await refused(reach(t, machines, { home }).connect(target, no), 'SSH_HOST_KEY_UNKNOWN', /unknown host key/);
      assert.match(no.questions[0] ?? '', /hive pi \(ann@[\d.]+\) has an unknown host key.* ssh-ed25519 SHA256:\S{43}/);
      assert.equal(readFileSync(known, 'utf8'), '# mine');
      await reach(t, machines, { home }).connect(target, person('yes'));
      const [comment, line] = readFileSync(known, 'utf8').split('\n');
      assert.equal(comment, '# mine');
      assert.match(line ?? '', new RegExp(`^${pi.address} ssh-ed25519 AAAA`));
      await reach(t, machines, { home }).connect(target);
      // OpenSSH can read the entry.
      const plain = await machines.client.ssh(['-i', identityFile, '-o', `UserKnownHostsFile=${known}`, 'pi', 'true']);
      assert.equal(plain.code, 0, plain.stderr);
    });

    test('accept-new asks no question, and a non-default port is written as OpenSSH writes it', async (t) => {
      const { accepted: identityFile } = machines.client.keys;
      const target = { alias: 'box', hostname: 'box', identityFile };
      for (const [change, asker] of [
        [(config: string) => config, { acceptNewHostKeys: true }],
        [(config: string) => `StrictHostKeyChecking accept-new\n${config}`, {}],
      ] as const) {
        const home = makeHome(machines, change);
        writeFileSync(knownIn(home), '');
        await reach(t, machines, { home }).connect(target, asker);
        assert.match(readFileSync(knownIn(home), 'utf8'), /^\[10\.\S+\]:2222 ssh-ed25519 AAAA\S+\n$/);
      }
    });

    test('strict checking asks no question, and an unwritable known_hosts does not prevent a login', async (t) => {
      const { accepted: identityFile } = machines.client.keys;
      const target = { alias: 'pi', hostname: 'pi', identityFile };
      const strict = makeHome(machines, (config) => `StrictHostKeyChecking yes\n${config}`);
      writeFileSync(knownIn(strict), '');
      const ann = person('yes');
      await refused(
        reach(t, machines, { home: strict }).connect(target, ann),
        'SSH_HOST_KEY_UNKNOWN',
        /unknown host key/,
      );
      assert.equal(ann.questions.length, 0);
      const home = makeHome(machines, (config) =>
        config.replace(/UserKnownHostsFile .*/, 'UserKnownHostsFile /proc/none'),
      );
      const { connect } = reach(t, machines, { home });
      (await connect(target, person('yes'))).close();
      assert.equal(await nameOf(await connect(target)), 'pi');
    });

    test('hashed, revoked and differently typed entries, and entries without the port, are honoured', async (t) => {
      const { accepted: identityFile } = machines.client.keys;
      const ed = readFileSync(pi.path('/run/machine/host_ed25519.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
      const ecdsa = readFileSync(pi.path('/run/machine/host_ecdsa.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
      const target = { alias: 'pi', hostname: 'pi', identityFile };
      const withLines = (...lines: string[]) => {
        const home = makeHome(machines);
        writeFileSync(knownIn(home), `${lines.join('\n')}\n`);
        return reach(t, machines, { home });
      };
      await refused(withLines(`@revoked * ${ed}`).connect(target), 'SSH_HOST_KEY_CHANGED', /it was revoked/);
      const other = publicKey(machines.client.keys.stranger).split(' ').slice(0, 2).join(' ');
      await refused(
        withLines(`${pi.address} ${other}`).connect(target),
        'SSH_HOST_KEY_CHANGED',
        /a different one is known/,
      );
      // The machine has several keys; it is asked for the one that can be checked.
      const connection = await withLines(`${pi.address} ${ecdsa}`).connect(target);
      assert.equal(connection.shown.hostKey?.type, 'ecdsa-sha2-nistp256');
      const hashed = makeHome(machines, (config) => `HashKnownHosts yes\n${config}`);
      writeFileSync(knownIn(hashed), '');
      await reach(t, machines, { home: hashed }).connect(target, { acceptNewHostKeys: true });
      assert.match(readFileSync(knownIn(hashed), 'utf8'), /^\|1\|\S+\|\S+ ssh-ed25519 /);
      await reach(t, machines, { home: hashed }).connect(target);

      const ofBox = readFileSync(box.path('/run/machine/host_ed25519.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
      const boxTarget = { alias: 'box', hostname: 'box', identityFile };
      await withLines(`${box.address} ${ofBox}`).connect(boxTarget);
      await refused(withLines(`${box.address} ${ed}`).connect(boxTarget), 'SSH_HOST_KEY_UNKNOWN', /unknown host key/);
    });

    test('a changed key is refused, interactive or not, until the old one is removed', async (t) => {
      const before = await reach(t, machines).connect('pi');
      await pi.changeHostKey();
      const ann = { ...person('yes'), acceptNewHostKeys: true };
      const error = await refused(
        reach(t, machines).connect('pi', ann),
        'SSH_HOST_KEY_CHANGED',
        /a different one is known/,
      );
      assert.match(error.message, /someone may be intercepting/);
      assert.ok(error.hint.includes(`ssh-keygen -R ${pi.address}`), error.hint);
      assert.equal(ann.questions.length, 0);
      machines.client.trust(pi);
      const { connect } = reach(t, machines);
      assert.notEqual((await connect('pi')).shown.hostKey?.fingerprint, before.shown.hostKey?.fingerprint);
    });

    // An accepted key stayed in memory: after a change, the new key was "wrong" until the queen restarted.
    test('after a change the files decide again: once the old key is removed, the new one is merely unknown', async (t) => {
      const home = makeHome(machines);
      writeFileSync(knownIn(home), '');
      const target = { alias: 'box', hostname: 'box', identityFile: machines.client.keys.accepted };
      const { connect } = reach(t, machines, { home });
      (await connect(target, person('yes'))).close();
      await box.changeHostKey();
      const error = await refused(connect(target, person('yes')), 'SSH_HOST_KEY_CHANGED', /a different one is known/);
      const [, name = ''] = /ssh-keygen -R (\S+),/.exec(error.hint) ?? [];
      execFileSync('ssh-keygen', ['-f', knownIn(home), '-R', name], { stdio: 'ignore' });
      await refused(connect(target), 'SSH_HOST_KEY_UNKNOWN', /unknown host key/);
      const ann = person('yes');
      (await connect(target, ann)).close();
      assert.equal(ann.questions.length, 1);
      // An entry removed from the file is forgotten as well.
      writeFileSync(knownIn(home), '');
      await refused(connect(target), 'SSH_HOST_KEY_UNKNOWN', /unknown host key/);
      machines.client.trust(box);
    });

    // Accepted keys were stored in a plain object, where this name always exists: INTERNAL.
    test('a host may be named like a property of every object', async (t) => {
      const { accepted: identityFile } = machines.client.keys;
      const home = makeHome(machines, (config) => `${config}\nHost proto\n  HostName ${pi.address}\n  User ann\n`);
      const config = join(home, '.ssh/config');
      for (const name of ['__proto__', 'constructor']) {
        writeFileSync(
          config,
          readFileSync(config, 'utf8').replace('Host proto\n', `Host proto\n  HostKeyAlias ${name}\n`),
        );
        const target = { alias: 'x', hostname: 'proto', identityFile };
        await refused(reach(t, machines, { home }).connect(target), 'SSH_HOST_KEY_UNKNOWN', /unknown host key/);
        await reach(t, machines, { home }).connect({ ...target, alias: name }, person('yes'));
        writeFileSync(config, readFileSync(config, 'utf8').replace(`  HostKeyAlias ${name}\n`, ''));
      }
      const nowhere = { alias: 'x', hostname: '__proto__', identityFile };
      await refused(
        reach(t, machines).connect(nowhere),
        'SSH_UNREACHABLE',
        /no machine has that name|cannot be resolved/,
      );
    });
  });

  describe('the network', () => {
    test('IPv6 and non-default ports work, alone and together', async (t) => {
      const { connect } = reach(t, machines);
      assert.equal(await nameOf(await connect({ alias: 'six', hostname: pi.address6, user: 'ann' })), 'pi');
      assert.equal(await nameOf(await connect('box')), 'box');
      const both = await connect({ alias: 'both', hostname: box.address6, user: 'ann', port: 2222 });
      assert.equal(await nameOf(both), 'box');
      const wrong = connect({ alias: 'wrong', hostname: box.address6, user: 'ann', port: 2223 });
      await refused(wrong, 'SSH_UNREACHABLE', /cannot reach hive wrong \(ann@\[[\da-f:]+\]:2223\): connection refused/);
    });

    test('a refused connection, an unknown name and an unknown address each have their own error', async (t) => {
      const { connect } = reach(t, machines);
      const error = await refused(
        connect({ alias: 'pi', hostname: 'pi', port: 23 }),
        'SSH_UNREACHABLE',
        /connection refused/,
      );
      assert.match(error.hint, /sshd/);
      const nameless = { alias: 'x', hostname: 'no-such-machine.invalid', user: 'ann' };
      await refused(connect(nameless), 'SSH_UNREACHABLE', /no machine has that name|cannot be resolved right now/);
      await refused(
        connect({ alias: 'x', hostname: 'no such name' }),
        'SSH_CONFIG_INVALID',
        /is not a valid host name/,
      );
    });

    test('a machine that does not answer times out, and an abort takes effect at once', async (t) => {
      await pi.linkDown();
      try {
        const { connect } = reach(t, machines, { timeoutMs: 500 });
        await refused(connect('pi'), 'SSH_UNREACHABLE', /no answer within 0.5 s|there is no way/);
        const stop = new AbortController();
        const patient = reach(t, machines, { timeoutMs: 120_000 }).connect('pi', { signal: stop.signal });
        setImmediate(() => stop.abort(new Error('enough')));
        await assert.rejects(patient, { message: 'enough' });
      } finally {
        await pi.linkUp();
      }
    });

    test('a port where something other than sshd listens is reported', async (t) => {
      const { connect } = reach(t, machines, { timeoutMs: 1_000 });
      const local = (port: number) => ({ alias: 'x', hostname: '127.0.0.1', port, user: 'ann' });
      const web = await listen(t, (socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      );
      await refused(connect(local(web)), 'SSH_HANDSHAKE_FAILED', /it answered "HTTP\/1.1 400 Bad Request"/);
      const binary = await listen(t, (socket) => socket.end(Buffer.from([0, 255, 27, 7])));
      await refused(connect(local(binary)), 'SSH_HANDSHAKE_FAILED', /it answered "\?\?\?\?"/);
      const mute = await listen(t, () => {});
      await refused(connect(local(mute)), 'SSH_UNREACHABLE', /accepts connections but sends nothing/);
      const shy = await listen(t, (socket) => socket.destroy());
      await refused(connect(local(shy)), 'SSH_UNREACHABLE', /closes connections without sending anything/);
      const slow = await listen(t, (socket) => socket.write('SSH-2.0-Tarpit\r\n'));
      await refused(connect(local(slow)), 'SSH_UNREACHABLE', /the login timed out/);
      const half = await listen(t, (socket) => socket.end('SSH-2.0-Half\r\n'));
      await refused(connect(local(half)), 'SSH_HANDSHAKE_FAILED', /closed/);
    });

    test('a machine that accepts no more logins is reported', async (t) => {
      await pi.configureSshd({ lines: ['MaxStartups 1', 'LoginGraceTime 60'] });
      const waiting = await reach(t, machines).connect('box');
      const idle = await (await listenTo(pi)).open();
      try {
        await refused(reach(t, machines).connect('pi'), 'SSH_UNREACHABLE', /no more logins|without sending anything/);
      } finally {
        idle();
        waiting.close();
        await pi.configureSshd({ lines: [] });
      }
    });
  });

  describe('jump hosts', () => {
    test('one or two jump hosts work, from the configuration and from hives.conf', async (t) => {
      const { connect } = reach(t, machines);
      const [one, two] = await Promise.all([connect('lab'), connect('deep')]);
      assert.deepEqual([await nameOf(one), await nameOf(two)], ['lab', 'deep']);
      assert.deepEqual(
        two.route.map(({ name }) => name),
        ['pi', 'lab', 'deep'],
      );
      const jumps = [{ alias: 'pi', hostname: pi.address, user: 'ann' }];
      const declared = await connect({ alias: 'lab2', hostname: lab.address, user: 'ann', jumps });
      assert.equal(await nameOf(declared), 'lab');
    });

    // This was refused as "passed twice", but behind a jump host the same address may be another machine.
    test('the same address may appear twice on the way', async (t) => {
      const { connect } = reach(t, machines);
      const again = { hostname: pi.address, user: 'ann' };
      const jumps = [{ alias: 'jump', ...again }];
      const connection = await connect({ alias: 'pi', ...again, jumps });
      assert.equal(await nameOf(connection), 'pi');
      assert.equal(connection.route.length, 2);
      const home = makeHome(machines, (config) => `Host twin\n  HostName ${pi.address}\n  ProxyJump pi\n${config}`);
      const { accepted: identityFile } = machines.client.keys;
      const inFile = (config: string) => config.replace('Host *\n', `Host *\n  IdentityFile ${identityFile}\n`);
      const config = join(home, '.ssh/config');
      writeFileSync(config, inFile(readFileSync(config, 'utf8')));
      assert.equal(
        await nameOf(await reach(t, machines, { home }).connect({ alias: 'twin', hostname: 'twin', user: 'ann' })),
        'pi',
      );
    });

    test('a jump connection closes with the last connection through it, unless it is also used directly', async (t) => {
      const { connect } = reach(t, machines);
      const [lab1, deep] = await Promise.all([connect('lab'), connect('deep')]);
      const sessions = () => pi.processes({ all: true }).filter(({ command }) => /^sshd: ann@?/.test(command)).length;
      deep.close();
      assert.equal(await nameOf(lab1), 'lab');
      lab1.close();
      await until(() => sessions() === 0, { what: 'the end of the connection through pi' });
      const direct = await connect('pi');
      (await connect('lab')).close();
      assert.equal(await nameOf(direct), 'pi');
      assert.ok(direct.isOpen);
    });

    test('a failed login behind a jump host leaves no connection to the jump host', async (t) => {
      const { connect } = reach(t, machines);
      const target = { alias: 'lab', hostname: 'lab', identityFile: machines.client.keys.stranger };
      await refused(connect(target), 'SSH_AUTH_FAILED', /hive lab /);
      const sessions = () => pi.processes({ all: true }).filter(({ command }) => /^sshd: ann@?/.test(command)).length;
      await until(() => sessions() === 0, { what: 'the end of the connection through pi' });
    });

    test('a jump host that is down or cannot reach the machine is named', async (t) => {
      const { connect } = reach(t, machines, { timeoutMs: 3_000 });
      await pi.stopSshd();
      try {
        await refused(connect('lab'), 'SSH_UNREACHABLE', new RegExp(`${pi.address}.*connection refused`));
      } finally {
        await pi.startSshd();
      }
      await lab.stopSshd();
      try {
        await refused(
          connect('lab'),
          'SSH_UNREACHABLE',
          /hive lab .*the jump host cannot reach it \(Connection refused\)/,
        );
      } finally {
        await lab.startSshd();
      }
      await pi.configureSshd({ lines: ['AllowTcpForwarding no'] });
      try {
        await refused(
          connect('lab'),
          'SSH_UNREACHABLE',
          /hive lab .*the jump host forwards nothing: set AllowTcpForwarding/,
        );
      } finally {
        await pi.configureSshd({ lines: [] });
      }
      assert.equal(await nameOf(await connect('lab')), 'lab');
    });

    test('losing a jump host breaks the connections through it, and they are made again', async (t) => {
      const { connect } = reach(t, machines);
      const deep = await connect('deep');
      const lost = new Promise<Error>((resolve) => deep.onClose(resolve));
      await pi.stopSshd({ connections: 'cut' });
      await lost;
      await assert.rejects(runScript(deep, 'true'), { code: 'SSH_CONNECTION_LOST' });
      await pi.startSshd();
      assert.equal(await nameOf(await connect('deep')), 'deep');
    });
  });

  describe('a connection', () => {
    test('is shared by all who ask at once, and is made again after a loss', async (t) => {
      const { connect } = reach(t, machines);
      const all = await Promise.all(Array.from({ length: 20 }, () => connect('box')));
      assert.equal(new Set(all).size, 1);
      const [first] = all as [SshConnection];
      const running = runScript(first, 'sleep 1000');
      running.catch(() => {});
      await until(() => box.processes().some(({ command }) => command === 'sleep 1000'));
      await box.stopSshd({ connections: 'cut' });
      await assert.rejects(running, { code: 'SSH_CONNECTION_LOST' });
      await assert.rejects(runScript(first, 'true'), { code: 'SSH_CONNECTION_LOST' });
      await assert.rejects(first.dialPort(1), { code: 'SSH_CONNECTION_LOST' });
      await refused(connect('box'), 'SSH_UNREACHABLE', /connection refused/);
      await box.startSshd();
      const again = await connect('box');
      assert.notEqual(again, first);
      assert.equal(await nameOf(again), 'box');
    });

    test('outlives a restart of sshd', async (t) => {
      const connection = await reach(t, machines).connect('box');
      await box.restartSshd();
      assert.equal(await nameOf(connection), 'box');
    });

    test('is reported as lost to callers that wait for a session', async (t) => {
      const connection = await reach(t, machines).connect('box');
      const all = Array.from({ length: 12 }, () => runScript(connection, 'sleep 2000'));
      const ends = Promise.allSettled(all);
      await until(() => box.processes().filter(({ command }) => command === 'sleep 2000').length === 8);
      await box.stopSshd({ connections: 'cut' });
      for (const end of await ends) {
        assert.equal(end.status, 'rejected');
        assert.equal((end.reason as RbeeError).code, 'SSH_CONNECTION_LOST');
      }
      await box.startSshd();
    });

    test('keeps an interactive caller from sharing the failure of a caller without a terminal', async (t) => {
      const home = makeHome(machines);
      writeFileSync(join(home, '.ssh/known_hosts'), '');
      const { connect } = reach(t, machines, { home });
      const target = { alias: 'pi', hostname: 'pi', identityFile: machines.client.keys.accepted };
      const quiet = connect(target);
      const ann = person('yes');
      const asked = connect(target, ann);
      const [alone] = await Promise.allSettled([quiet, asked]);
      assert.equal(await nameOf(await asked), 'pi');
      assert.equal(ann.questions.length, 1);
      // `ssh -G` decides which caller comes first; after the interactive one, the key is known.
      if (alone.status === 'rejected') await refused(quiet, 'SSH_HOST_KEY_UNKNOWN', /unknown host key/);
      else assert.equal(await nameOf(alone.value), 'pi');
    });

    test('goes on for the other callers when one of them gives up', async (t) => {
      const { connect } = reach(t, machines);
      const stop = new AbortController();
      const given = connect('pi', { signal: stop.signal });
      const kept = connect('pi');
      stop.abort(new DOMException('enough', 'AbortError'));
      await assert.rejects(given, { message: 'enough' });
      assert.equal(await nameOf(await kept), 'pi');
    });
  });

  describe('restrictions of sshd', () => {
    test('port forwarding that is disabled is reported', async (t) => {
      await box.configureSshd({ lines: ['AllowTcpForwarding no'] });
      const connection = await reach(t, machines).connect('box');
      const error = await refused(
        connection.dialPort(2222),
        'SSH_FORWARDING_REFUSED',
        /hive box does not forward connections to port 2222/,
      );
      assert.match(error.hint, /AllowTcpForwarding/);
      assert.equal(await nameOf(connection), 'box');
      connection.close();
      await box.configureSshd({ lines: [] });
    });

    test('a dial to a closed port is refused, like that of a socket', async (t) => {
      const connection = await reach(t, machines).connect('box');
      await assert.rejects(connection.dialPort(1), { code: 'ECONNREFUSED' });
      await assert.rejects(connection.dialSocket('/tmp/none.sock'), { code: 'ECONNREFUSED' });
    });

    test('a limit of one session per connection is worked around', async (t) => {
      await box.configureSshd({ lines: ['MaxSessions 1'] });
      const connection = await reach(t, machines).connect('box');
      const first = runScript(connection, 'sleep 3000');
      await until(() => box.processes().some(({ command }) => command === 'sleep 3000'));
      const serving = () => box.processes({ all: true }).filter(({ command }) => /^sshd: ann@?/.test(command)).length;
      const alone = serving();
      // The two programs beside the running one each get a connection that ends with the program.
      const names = await Promise.all([nameOf(connection), nameOf(connection)]);
      assert.deepEqual(names, ['box', 'box']);
      await until(() => serving() === alone, { what: 'the end of the extra connections' });
      connection.close();
      await assert.rejects(first, { code: 'SSH_CONNECTION_LOST' });
      await box.configureSshd({ lines: ['MaxSessions 0'] });
      const error = await refused(
        nameOf(await reach(t, machines).connect('box')),
        'SSH_SHELL_UNUSABLE',
        /does not open a session/,
      );
      assert.match(error.hint, /MaxSessions .* to 1 or more/);
      await box.configureSshd({ lines: [] });
    });

    // The hint was to check for a current OpenSSH server, which it was.
    test('a server without a common key exchange, cipher or MAC is reported, with the line that fixes it', async (t) => {
      const { connect } = reach(t, machines);
      for (const [lines, problem, setting] of [
        [
          ['KexAlgorithms sntrup761x25519-sha512@openssh.com'],
          /offers only sntrup761.*no post-quantum/,
          'KexAlgorithms',
        ],
        [['MACs umac-64@openssh.com', 'Ciphers aes256-ctr'], /have no common MAC: it offers only umac-64@/, 'MACs'],
      ] as const) {
        await box.configureSshd({ lines });
        const error = await refused(connect('box'), 'SSH_HANDSHAKE_FAILED', problem);
        const line = /\w+ \+\S+$/.exec(error.hint)?.[0] ?? '';
        assert.match(line, new RegExp(`^${setting} `));
        await box.configureSshd({ lines: [line, ...lines.slice(1)] });
        (await connect('box')).close();
      }
      await box.configureSshd({ lines: [] });
    });

    test('a server that accepts no keys, or not keys alone, is reported', async (t) => {
      await box.configureSshd({ lines: ['PubkeyAuthentication no', 'PasswordAuthentication yes'] });
      await refused(reach(t, machines).connect('box'), 'SSH_AUTH_FAILED', /it does not accept keys, only: password/);
      await box.configureSshd({
        lines: ['PasswordAuthentication yes', 'AuthenticationMethods publickey,password'],
      });
      await refused(
        reach(t, machines).connect('box'),
        'SSH_AUTH_FAILED',
        /it accepted a key, but also requires: password/,
      );
      await box.configureSshd({ lines: [] });
    });
  });
});

/** Occupies one login slot of a machine without ever logging in. */
const listenTo = async (host: Host) => ({
  open: async (): Promise<() => void> => {
    const { connect } = await import('node:net');
    const socket = connect({ host: host.address, port: host.port });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('data', resolve));
    return () => void socket.destroy();
  },
});
