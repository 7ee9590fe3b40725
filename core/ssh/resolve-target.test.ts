import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempFolder } from '../lifecycle/process/testing.ts';
import { localRunner } from '../lifecycle/system/local-runner.ts';
import { parseJumps, type ResolveOptions, resolveTarget } from './resolve-target.ts';
import { routeKey } from './target.ts';

const skip = !existsSync('/usr/bin/ssh') && 'there is no ssh here';
const me = userInfo().username;

const setUp = async (t: TestContext, config?: string, more: NodeJS.ProcessEnv = {}) => {
  const home = join(await tempFolder(t), 'ann and bob');
  await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 });
  if (config !== undefined) await writeFile(join(home, '.ssh/config'), config, { mode: 0o600 });
  const env = { PATH: process.env['PATH'], HOME: home, ...more };
  const options: ResolveOptions = { env, runner: localRunner };
  return { home, options };
};

test('~/.ssh/config applies to a host, and the target overrides it', { skip }, async (t) => {
  const { home, options } = await setUp(
    t,
    `Host pi
  HostName 10.0.0.7
  User ann
  Port 2222
  IdentityFile ~/keys/%n-%h-%p-%r
  IdentityFile "${'$'}{KEYS}/second"
  IdentitiesOnly yes
  UserKnownHostsFile ~/.ssh/mine "/etc/with blank/known" %d/third
  GlobalKnownHostsFile none
  HashKnownHosts yes
  StrictHostKeyChecking accept-new
  IdentityAgent ~/agent.sock
  ProxyCommand nc %h %p
`,
    { KEYS: '/keys' },
  );
  const [hop] = await resolveTarget({ alias: 'my-pi', hostname: 'pi' }, options);
  assert.deepEqual(hop, {
    name: 'my-pi',
    host: '10.0.0.7',
    port: 2222,
    user: 'ann',
    agent: join(home, 'agent.sock'),
    identitiesOnly: true,
    keyFiles: [join(home, 'keys/pi-10.0.0.7-2222-ann'), '/keys/second'],
    knownAs: '[10.0.0.7]:2222',
    knownAsWell: '10.0.0.7',
    knownHostsFiles: [join(home, '.ssh/mine'), '/etc/with blank/known', join(home, 'third')],
    newKeysFile: join(home, '.ssh/mine'),
    hashNames: true,
    newKeys: 'accept-new',
    proxyCommand: 'nc %h %p',
  });
  const target = { alias: 'x', hostname: 'pi', user: 'bob', port: 22, identityFile: '~/own key' };
  const [other] = await resolveTarget(target, options);
  assert.deepEqual(
    [other?.user, other?.port, other?.keyFiles, other?.identitiesOnly, other?.knownAs, other?.knownAsWell],
    ['bob', 22, [join(home, 'own key')], true, '10.0.0.7', null],
  );
});

test('missing settings get OpenSSH’s defaults', { skip }, async (t) => {
  const { home, options } = await setUp(t, undefined, { SSH_AUTH_SOCK: '/agent' });
  const [hop] = await resolveTarget({ alias: 'pi', hostname: 'Pi.LAN' }, options);
  assert.deepEqual(
    [hop?.host.toLowerCase(), hop?.port, hop?.user, hop?.agent, hop?.identitiesOnly, hop?.knownAs, hop?.newKeys],
    ['pi.lan', 22, me, '/agent', false, 'pi.lan', 'ask'],
  );
  assert.ok(hop?.keyFiles.includes(join(home, '.ssh/id_ed25519')));
  assert.equal(hop?.newKeysFile, join(home, '.ssh/known_hosts'));
  const [asked] = await resolveTarget({ alias: 'pi', hostname: 'pi' }, { ...options, agent: '/of-who-asks' });
  assert.equal(asked?.agent, '/of-who-asks');
});

test('the agent: none, from a variable, or the default one by name', { skip }, async (t) => {
  const config =
    'Host no\n  IdentityAgent none\nHost var\n  IdentityAgent $MY_AGENT\nHost usual\n  IdentityAgent SSH_AUTH_SOCK\n';
  const { options } = await setUp(t, config, { SSH_AUTH_SOCK: '/usual', MY_AGENT: '/mine' });
  const agentOf = async (hostname: string) => (await resolveTarget({ alias: 'x', hostname }, options))[0]?.agent;
  assert.equal(await agentOf('no'), null);
  assert.equal(await agentOf('var'), '/mine');
  assert.equal(await agentOf('usual'), '/usual');
});

test('a separate name for the host key has no port', { skip }, async (t) => {
  const { options } = await setUp(t, 'Host pi\n  HostName 10.0.0.7\n  Port 2222\n  HostKeyAlias The-Pi\n');
  const [hop] = await resolveTarget({ alias: 'pi', hostname: 'pi' }, options);
  assert.deepEqual([hop?.knownAs.toLowerCase(), hop?.knownAsWell], ['the-pi', null]);
});

test('jump hosts: from the configuration, from hives.conf, chained, each with its own configuration', {
  skip,
}, async (t) => {
  const { options } = await setUp(
    t,
    `Host lab
  ProxyJump inner
Host inner
  User bob
  ProxyJump carl@outer:2200
Host two
  ProxyJump outer,inner
Host outer
  HostName 10.0.0.1
Host none
  ProxyJump none
`,
  );
  const wayTo = async (hostname: string, jumps?: string) => {
    const target = { alias: 'x', hostname, user: 'ann', ...(jumps !== undefined && { jumps: parseJumps(jumps) }) };
    return routeKey(await resolveTarget(target, options));
  };
  assert.equal(await wayTo('lab'), 'carl@10.0.0.1:2200 > bob@inner:22 > ann@lab:22');
  assert.equal(await wayTo('none'), 'ann@none:22');
  // Like OpenSSH: the first of several jump hosts is reached as configured, the others through the one before.
  assert.equal(await wayTo('two'), `${me}@10.0.0.1:22 > bob@inner:22 > ann@two:22`);
  assert.equal(await wayTo('plain', 'dan@outer,ssh://[::1]:2022'), `dan@10.0.0.1:22 > ${me}@::1:2022 > ann@plain:22`);
  const direct = await resolveTarget({ alias: 'x', hostname: 'lab', user: 'ann', jumps: [] }, options);
  assert.equal(routeKey(direct), 'ann@lab:22');
});

test('circular jump hosts, invalid names, an invalid configuration', { skip }, async (t) => {
  const { options } = await setUp(t, 'Host a\n  ProxyJump b\nHost b\n  ProxyJump a\nHost self\n  ProxyJump self\n');
  const refused = (hostname: string, message: RegExp, of = options) =>
    assert.rejects(resolveTarget({ alias: 'x', hostname }, of), { code: 'SSH_CONFIG_INVALID', message });
  await refused('a', /jump/);
  await refused('self', /jump/);
  await refused('-oProxyCommand=touch x', /is not a valid host name/);
  await refused('two words', /is not a valid host name/);
  const wrong = await setUp(t, 'Host pi\n  NoSuchKeyword yes\n');
  await refused('pi', /NoSuchKeyword|nosuchkeyword/i, wrong.options);
});

test('without an ssh program, the target and the default files are used', async (t) => {
  const { home, options } = await setUp(t, 'Host pi\n  HostName 10.0.0.7\n', { PATH: '/nowhere' });
  const [hop] = await resolveTarget({ alias: 'pi', hostname: 'pi', user: 'ann' }, options);
  assert.deepEqual(
    [hop?.host, hop?.port, hop?.user, hop?.knownHostsFiles, hop?.newKeysFile],
    ['pi', 22, 'ann', [join(home, '.ssh/known_hosts'), '/etc/ssh/ssh_known_hosts'], join(home, '.ssh/known_hosts')],
  );
  assert.ok(hop?.keyFiles.includes(join(home, '.ssh/id_ed25519')));
});

// A killed `ssh -G` used to pass for an invalid configuration, without a message, and the machine was not retried for
// half a minute.
test('a killed ssh -G does not count as an invalid configuration', async (t) => {
  const { home, options } = await setUp(t);
  const program = join(home, 'ssh');
  await writeFile(program, '#!/bin/sh\nkill -KILL $$\n');
  await chmod(program, 0o755);
  const env = { ...options.env, PATH: `${home}:${options.env['PATH']}` };
  await assert.rejects(resolveTarget({ alias: 'x', hostname: 'pi' }, { ...options, env }), {
    code: 'SSH_UNREACHABLE',
    message: /ssh -G was ended by SIGKILL/,
  });
});

// OpenSSH ends each line of its stderr with a carriage return, which used to be shown.
test('messages of ssh about the configuration are cleaned up', { skip }, async (t) => {
  const { options } = await setUp(t, 'Host pi\n  NoSuchKeyword yes\n  Port many\n');
  await assert.rejects(resolveTarget({ alias: 'x', hostname: 'pi' }, options), ({ message }) => {
    assert.match(message, /nosuchkeyword/i);
    assert.doesNotMatch(message, /[\r\n]/);
    return true;
  });
});

test('an unset variable is empty, whatever its name', { skip }, async (t) => {
  const { options } = await setUp(t, 'Host pi\n  IdentityAgent $constructor\n');
  assert.equal((await resolveTarget({ alias: 'x', hostname: 'pi' }, options))[0]?.agent, null);
});

test('if ssh fails silently, the error gives its exit code', async (t) => {
  const { home, options } = await setUp(t);
  const program = join(home, 'ssh');
  await writeFile(program, '#!/bin/sh\nexit 3\n');
  await chmod(program, 0o755);
  const env = { ...options.env, PATH: `${home}:${options.env['PATH']}` };
  await assert.rejects(resolveTarget({ alias: 'x', hostname: 'pi' }, { ...options, env }), {
    code: 'SSH_CONFIG_INVALID',
    message: /ssh -G ended with 3/,
  });
});
