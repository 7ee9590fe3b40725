/**
 * Resolves a target with `~/.ssh/config`. Asks OpenSSH itself (`ssh -G`), so that every keyword has the same meaning as
 * there. Without an `ssh` program, uses only the target and the default files.
 */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { printedLines } from '../boundary/printed-lines.ts';
import { RbeeError } from '../contract/errors.ts';
import { exists } from '../lifecycle/fs/file-kind.ts';
import type { Runner } from '../lifecycle/system/runner.ts';
import type { Hop, SshTarget } from './target.ts';

export interface ResolveOptions {
  env: NodeJS.ProcessEnv;
  /** Runs `ssh -G` on this machine. */
  runner: Pick<Runner, 'run'>;
  /** Socket of the caller's SSH agent [default: from the environment]. */
  agent?: string;
  signal?: AbortSignal;
}

/** Longer chains are a configuration mistake. */
const maxHops = 8;
const askMs = 10_000;

/** The hops from here to the target. Errors: SSH_CONFIG_INVALID; SSH_UNREACHABLE if `ssh -G` gave no answer. */
export const resolveTarget = (target: SshTarget, options: ResolveOptions): Promise<Hop[]> =>
  resolveRoute(target, options, 1);

/** The same address can occur twice: 127.0.0.1:2222 is a different machine on each hop. */
const resolveRoute = async (target: SshTarget, options: ResolveOptions, depth: number): Promise<Hop[]> => {
  if (depth > maxHops) {
    throw invalid(target, `more than ${maxHops} jump hosts in a row; does one jump through itself?`);
  }
  const { hop, jump } = await resolveHop(target, options);
  const jumps = target.jumps ?? (jump === null ? [] : parseJumps(jump));
  const last = jumps.at(-1);
  if (!last) return [hop];
  const before = jumps.length > 1 ? { ...last, jumps: jumps.slice(0, -1) } : last;
  return [...(await resolveRoute(before, options, depth + 1)), hop];
};

/** In the format of `ProxyJump`: `[user@]host[:port]`, nearest first, separated by commas. */
export const parseJumps = (text: string): SshTarget[] => text.split(',').map((one) => parseJump(one.trim()));

interface Resolved {
  hop: Hop;
  jump: string | null;
}

const resolveHop = async (target: SshTarget, options: ResolveOptions): Promise<Resolved> => {
  const home = options.env['HOME'] || homedir();
  const config = await askSsh(target, home, options);
  const one = (key: string): string | undefined => config.get(key)?.[0];
  const host = one('hostname') ?? target.hostname;
  const port = target.port ?? Number(one('port') ?? 22);
  const user = target.user ?? one('user') ?? userInfo().username;
  const { env } = options;
  const expand = expander(
    { d: home, h: host, n: target.hostname, p: String(port), r: user, u: userInfo().username },
    env,
  );
  const files = (key: string): string[] =>
    (config.get(key) ?? [])
      // Several per line; paths with spaces cannot be told apart.
      .flatMap((line) => line.split(/ (?=[~/%$]|none$)/))
      .filter((file) => file !== '' && file !== 'none')
      .map(expand);
  const keyFiles = target.identityFile
    ? [expand(target.identityFile)]
    : (config.get('identityfile') ?? defaultKeys).filter((file) => file !== 'none').map(expand);
  const knownHostsFiles = files('userknownhostsfile');
  const strict = one('stricthostkeychecking') ?? 'ask';
  const proxyCommand = one('proxycommand');
  const alias = one('hostkeyalias');
  const plain = host.toLowerCase();
  const hop: Hop = {
    name: target.alias,
    host,
    port,
    user,
    agent: agentOf(one('identityagent'), expand, options),
    identitiesOnly: one('identitiesonly') === 'yes' || target.identityFile !== undefined,
    keyFiles,
    knownAs: alias ?? (port === 22 ? plain : `[${plain}]:${port}`),
    knownAsWell: alias === undefined && port !== 22 ? plain : null,
    knownHostsFiles: [...knownHostsFiles, ...files('globalknownhostsfile')],
    newKeysFile: knownHostsFiles[0] ?? null,
    hashNames: one('hashknownhosts') === 'yes',
    newKeys: /^(yes|true)$/.test(strict) ? 'yes' : /^(no|off|false|accept-new)$/.test(strict) ? 'accept-new' : 'ask',
    proxyCommand: proxyCommand === undefined || proxyCommand === 'none' ? null : proxyCommand,
  };
  const jump = one('proxyjump');
  return { hop, jump: jump === undefined || jump === 'none' || jump === '' ? null : jump };
};

const defaultKeys = ['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', '~/.ssh/id_rsa'];

/** Values by lower-case keyword. */
const askSsh = async (target: SshTarget, home: string, options: ResolveOptions): Promise<Map<string, string[]>> => {
  if (/^-|[\s\0]/.test(target.hostname)) throw invalid(target, `"${target.hostname}" is not a valid host name`);
  // OpenSSH takes the home folder from the system's user database, not from HOME.
  const own = join(home, '.ssh', 'config');
  const elsewhere = home === userInfo().homedir ? [] : ['-F', (await exists(own)) ? own : '/dev/null'];
  const args = [
    ...elsewhere,
    ...(target.port === undefined ? [] : ['-p', String(target.port)]),
    ...(target.user === undefined ? [] : ['-l', target.user]),
  ];
  const { env, runner, signal } = options;
  const began = performance.now();
  let answer: Awaited<ReturnType<Runner['run']>>;
  try {
    answer = await runner.run(['ssh', '-G', ...args, '--', target.hostname], { env, timeoutMs: askMs, signal });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return new Map([
      ['userknownhostsfile', ['~/.ssh/known_hosts']],
      ['globalknownhostsfile', ['/etc/ssh/ssh_known_hosts']],
    ]);
  }
  if (answer.signal !== null) throw unanswered(target, answer.signal, performance.now() - began);
  if (answer.code !== 0) throw invalid(target, printedLines(answer.stderr)[0] ?? `ssh -G ended with ${answer.code}`);
  const config = new Map<string, string[]>();
  for (const line of answer.stdout.split('\n')) {
    const space = line.indexOf(' ');
    if (space === -1) continue;
    const key = line.slice(0, space).toLowerCase();
    config.set(key, [...(config.get(key) ?? []), line.slice(space + 1).trim()]);
  }
  return config;
};

const agentOf = (
  configured: string | undefined,
  expand: (file: string) => string,
  { env, agent }: ResolveOptions,
): string | null => {
  if (configured === 'none') return null;
  if (configured === undefined || configured === 'SSH_AUTH_SOCK') return agent ?? env['SSH_AUTH_SOCK'] ?? null;
  return configured.startsWith('$') ? (variable(env, configured.replace(/[${}]/g, '')) ?? null) : expand(configured);
};

/** The host can be in brackets. */
const parseJump = (text: string): SshTarget => {
  const plainText = text.replace(/^ssh:\/\//, '');
  const match = /^(?:(?<user>.+)@)?(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^@:]+))(?::(?<port>\d+))?$/.exec(plainText);
  const { user, bracketed, plain, port } = match?.groups ?? {};
  const hostname = bracketed ?? plain ?? plainText;
  return {
    alias: hostname,
    hostname,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port: Number(port) }),
  };
};

/**
 * Expands the tokens and variables in file names. `ssh -G` prints some paths as written, and some
 * below the home folder of the user database, which can differ from HOME.
 */
const expander =
  (tokens: Readonly<Record<string, string>> & { d: string }, env: NodeJS.ProcessEnv) =>
  (file: string): string => {
    const listed = `${userInfo().homedir}/`;
    const inHome = file.startsWith(listed) ? `~/${file.slice(listed.length)}` : file;
    const absolute = inHome === '~' || inHome.startsWith('~/') ? join(tokens.d, inHome.slice(1)) : inHome;
    return absolute
      .replace(/%([%a-zA-Z])/g, (whole, token: string) => (token === '%' ? '%' : (tokens[token] ?? whole)))
      .replace(/\$\{(\w+)\}/g, (whole, name: string) => variable(env, name) ?? whole);
  };

const variable = (env: NodeJS.ProcessEnv, name: string): string | undefined =>
  Object.hasOwn(env, name) ? env[name] : undefined;

const invalid = (target: SshTarget, problem: string): RbeeError =>
  RbeeError.of('SSH_CONFIG_INVALID', { hive: target.alias, problem });

/** Says nothing about the configuration, so it is worth a retry. */
const unanswered = ({ alias, hostname }: SshTarget, signal: NodeJS.Signals, ms: number): RbeeError => {
  const problem = ms < askMs ? `ssh -G was ended by ${signal}` : `ssh -G gave no answer within ${askMs / 1000} s`;
  const hint = `try again; if it keeps happening, run: ssh -G ${hostname}`;
  return RbeeError.of('SSH_UNREACHABLE', { hive: alias, address: hostname, problem, hint });
};
