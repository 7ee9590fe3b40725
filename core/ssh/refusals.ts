/** Connection problems as errors from the catalogue. */
import { RbeeError } from '../contract/errors.ts';
import type { Attempts } from './authenticate.ts';
import { nothingShared } from './key-exchange.ts';
import { fingerprint, keyType } from './known-hosts.ts';
import type { Hop } from './target.ts';

export const addressOf = ({ user, host, port }: Hop): string =>
  `${user}@${host.includes(':') ? `[${host}]` : host}${port === 22 ? '' : `:${port}`}`;

export const unreachable = (hop: Hop, cause: Error): RbeeError => {
  const { code } = cause as NodeJS.ErrnoException;
  const problem = problems.get(code ?? '') ?? cause.message;
  const hint = hints.get(code ?? '') ?? `check that it is up, and try by hand: ssh ${sshArguments(hop)}`;
  return RbeeError.of('SSH_UNREACHABLE', { hive: hop.name, address: addressOf(hop), problem, hint }, { cause });
};

const problems = new Map([
  ['ENOTFOUND', 'no machine has that name'],
  ['EAI_AGAIN', 'its name cannot be resolved right now'],
  ['ECONNREFUSED', 'connection refused'],
  ['EHOSTUNREACH', 'no route to the machine'],
  ['ENETUNREACH', 'no route to its network'],
  ['ETIMEDOUT', 'no answer'],
  ['ECONNRESET', 'it reset the connection'],
]);

const hints = new Map([
  ['ENOTFOUND', 'check hostname in hives.conf, or the Host in ~/.ssh/config'],
  ['EAI_AGAIN', 'check the network and the name server of this machine'],
  ['ECONNREFUSED', 'check that sshd runs there, and ssh_port in hives.conf'],
]);

const sshArguments = ({ user, host, port }: Hop): string => `${port === 22 ? '' : `-p ${port} `}${user}@${host}`;

export const changedKey = (hop: Hop, key: Buffer, problem: string): RbeeError =>
  RbeeError.of('SSH_HOST_KEY_CHANGED', {
    hive: hop.name,
    address: addressOf(hop),
    key: `${keyType(key)} ${fingerprint(key)}`,
    problem,
    known: hop.knownAs,
  });

export const unknownKey = (hop: Hop, key: Buffer): RbeeError =>
  RbeeError.of('SSH_HOST_KEY_UNKNOWN', {
    hive: hop.name,
    address: addressOf(hop),
    key: `${keyType(key)} ${fingerprint(key)}`,
  });

export const keyEncrypted = (hop: Hop, file: string, problem: string): RbeeError =>
  RbeeError.of('SSH_KEY_ENCRYPTED', { hive: hop.name, file, problem });

export const authFailed = (hop: Hop, { tried, problems }: Attempts): RbeeError => {
  const offered = tried.length === 0 ? 'there is no key to try' : `it rejected ${tried.join(', ')}`;
  return RbeeError.of('SSH_AUTH_FAILED', {
    hive: hop.name,
    address: addressOf(hop),
    problem: [offered, ...problems].join('; '),
  });
};

/** `firstBytes` are the first bytes received. */
export const handshakeFailed = (hop: Hop, cause: Error, firstBytes: Buffer): RbeeError => {
  const { level, code } = cause as { level?: string; code?: string };
  const firstWords = firstBytes.toString('latin1', 0, maxFirstWords);
  const line = firstWords.split(/[\r\n]/, 1)[0]?.replaceAll(/[^ -~]/g, '?') ?? '';
  const isSsh = /(^|\n)SSH-/.test(firstWords);
  const details = { hive: hop.name, address: addressOf(hop) };
  if (!isSsh && turnsAway.test(line)) {
    const problem = `it accepts no more logins right now ("${line}")`;
    return RbeeError.of('SSH_UNREACHABLE', { ...details, problem, hint: fullHint }, { cause });
  }
  if (!isSsh && line !== '')
    return RbeeError.of(
      'SSH_HANDSHAKE_FAILED',
      { ...details, problem: `it answered "${line}"`, hint: portHint },
      { cause },
    );
  if (level === 'client-timeout') {
    const problem = isSsh ? 'the login timed out' : 'it accepts connections but sends nothing';
    return unreachable(hop, new Error(problem, { cause }));
  }
  if (!isSsh && (code === undefined || code === 'ECONNRESET')) {
    const problem = 'it closes connections without sending anything';
    return RbeeError.of('SSH_UNREACHABLE', { ...details, problem, hint: fullHint }, { cause });
  }
  if (level === 'client-socket') return unreachable(hop, cause);
  const problem = cause.message.replace(/^Handshake failed: /, '');
  const said = nothingShared(problem, firstBytes) ?? { problem, hint: portHint };
  return RbeeError.of('SSH_HANDSHAKE_FAILED', { ...details, ...said }, { cause });
};

const maxFirstWords = 255;
const portHint = 'check that the port belongs to an OpenSSH server of version 7 or newer';

/** What sshd sends when it has too many connections, or penalizes earlier failures. */
const turnsAway = /^(Exceeded MaxStartups|Not allowed at this time)/;
const fullHint =
  'try again later; if it keeps happening, check MaxStartups and PerSourcePenalties in its sshd_config, its firewall, and the log of its sshd';

/** Whether sshd refused a channel because of its configuration. It says so for ports, but not for unix sockets. */
export const isProhibited = (error: Error): boolean => (error as { reason?: unknown }).reason === prohibited;

/** The reason in RFC 4254: administratively prohibited. */
const prohibited = 1;

export const plainReason = (error: Error): string =>
  error.message.replace(/^\(SSH\) /, '').replace(/^Channel open failure: /, '');

export const connectionLost = (name: string, cause?: Error): RbeeError =>
  RbeeError.of('SSH_CONNECTION_LOST', { hive: name, problem: cause?.message ?? 'the machine closed it' }, { cause });
