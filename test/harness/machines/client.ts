/**
 * The client's side: a home with keys, known_hosts and a configuration that knows all hosts, and SSH agents on demand.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { until } from '../until.ts';
import { makeKey, publicKey } from './keys.ts';
import { diesWithTest, mustRun, runProgram, systemEnv } from './program.ts';
import type { Slot } from './slot.ts';
import type { Client, Host, HostOptions } from './types.ts';

/** A host with what the client must know about it. */
export interface Reached {
  host: Host;
  options: HostOptions;
  publicKeys(): string[];
}

/** The keys are made first: hosts are set up to accept them. */
export const createKeys = async (slot: Slot): Promise<Pick<Client, 'keys' | 'passphrase'>> => {
  const folder = join(slot.folder, 'client/.ssh');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const passphrase = 'correct horse "battery" $staple';
  const keys = {
    accepted: join(folder, 'id_ed25519'),
    encrypted: join(folder, 'id_encrypted'),
    stranger: join(folder, 'id_stranger'),
  };
  await Promise.all([makeKey(keys.accepted), makeKey(keys.encrypted, { passphrase }), makeKey(keys.stranger)]);
  return { keys, passphrase };
};

export const createClient = (
  slot: Slot,
  { keys, passphrase }: Pick<Client, 'keys' | 'passphrase'>,
  reached: readonly Reached[],
): Client => {
  const home = join(slot.folder, 'client');
  const [config, knownHosts] = [join(home, '.ssh/config'), join(home, '.ssh/known_hosts')];

  const trust: Client['trust'] = (...hosts) => {
    const others = existsSync(knownHosts) ? readFileSync(knownHosts, 'utf8').split('\n').filter(Boolean) : [];
    const names = new Set(hosts.flatMap(namesInKnownHosts));
    const kept = others.filter((line) => !names.has(line.split(' ', 1)[0]!));
    const added = reached
      .filter(({ host }) => hosts.includes(host))
      .flatMap(({ host, publicKeys }) =>
        namesInKnownHosts(host).flatMap((name) => publicKeys().map((key) => `${name} ${key}`)),
      );
    writeFileSync(knownHosts, [...kept, ...added, ''].join('\n'), { mode: 0o600 });
  };

  const ssh: Client['ssh'] = (args, { input, env, timeoutMs, connectSeconds = 5, config: other = config } = {}) =>
    runProgram(['ssh', '-F', other, '-o', 'BatchMode=yes', '-o', `ConnectTimeout=${connectSeconds}`, ...args], {
      input,
      timeoutMs,
      env: { ...systemEnv, HOME: home, ...env },
    });

  let agents = 0;
  const agent: Client['agent'] = async (held) => {
    const socket = join(slot.folder, `agent-${++agents}.sock`);
    const [program, ...args] = [...diesWithTest, 'ssh-agent', '-D', '-a', socket];
    const child = spawn(program!, args, { env: systemEnv, cwd: '/', stdio: 'ignore' });
    slot.own(child);
    child.unref();
    // The socket file exists a moment before anything listens on it.
    await until(() => accepts(socket), { what: 'ssh-agent' });
    const env = { SSH_AUTH_SOCK: socket };
    const askpass = join(slot.folder, 'askpass');
    writeFileSync(askpass, '#!/bin/sh\nprintf %s "$TEST_PASSPHRASE"\n', { mode: 0o700 });
    await mustRun(['ssh-add', '-q', ...held], {
      env: { ...systemEnv, ...env, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force', TEST_PASSPHRASE: passphrase },
    });
    return { env, close: () => void child.kill('SIGKILL') };
  };

  writeFileSync(config, configOf(reached, keys.accepted, knownHosts), { mode: 0o600 });
  trust(...reached.filter(({ options }) => options.known !== false).map(({ host }) => host));
  return {
    home,
    env: { HOME: home, SSH_AUTH_SOCK: undefined },
    config,
    knownHosts,
    keys,
    passphrase,
    ssh,
    agent,
    trust,
  };
};

const configOf = (reached: readonly Reached[], key: string, knownHosts: string): string => {
  const blocks = reached.map(({ host, options }) => [
    `Host ${host.name}`,
    `  HostName ${host.address}`,
    `  Port ${host.port}`,
    `  User ${host.user}`,
    ...(options.behind ? [`  ProxyJump ${options.behind}`] : []),
  ]);
  const all = [
    'Host *',
    `  IdentityFile ${key}`,
    `  UserKnownHostsFile ${knownHosts}`,
    '  GlobalKnownHostsFile /dev/null',
    // Keeps ssh from learning further keys of a host.
    '  UpdateHostKeys no',
  ];
  return `${[...blocks, all].map((lines) => lines.join('\n')).join('\n\n')}\n`;
};

const namesInKnownHosts = ({ address, address6, port }: Host): string[] =>
  [...new Set([address, address6])].map((name) => (port === 22 ? name : `[${name}]:${port}`));

export const authorizedKeys = ({ keys }: Pick<Client, 'keys'>): string =>
  `${publicKey(keys.accepted)}\n${publicKey(keys.encrypted)}\n`;

const accepts = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
