/** What goes wrong between two machines, as errors of the catalogue. */
import { RbeeError } from '../contract/errors.ts';
import type { Attempts } from './authenticate.ts';
import { fingerprint, keyType } from './known-hosts.ts';
import type { Hop } from './target.ts';

export const addressOf = ({ user, host, port }: Hop): string =>
  `${user}@${host.includes(':') ? `[${host}]` : host}${port === 22 ? '' : `:${port}`}`;

export const unreachable = (hop: Hop, cause: Error): RbeeError => {
  const { code } = cause as NodeJS.ErrnoException;
  const problem = problems[code ?? ''] ?? cause.message;
  const hint = hints[code ?? ''] ?? `check that it is up, and try by hand: ssh ${sshArguments(hop)}`;
  return RbeeError.of('SSH_UNREACHABLE', { hive: hop.name, address: addressOf(hop), problem, hint }, { cause });
};

const problems: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no machine of that name',
  EAI_AGAIN: 'its name cannot be looked up now',
  ECONNREFUSED: 'nothing listens there',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to its network',
  ETIMEDOUT: 'no answer',
  ECONNRESET: 'it broke off the connection',
};

const hints: Readonly<Record<string, string>> = {
  ENOTFOUND: 'check hostname in hives.conf, or the Host in ~/.ssh/config',
  EAI_AGAIN: 'check the network and the name server of this machine',
  ECONNREFUSED: 'check that sshd runs there, and ssh_port in hives.conf',
};

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

export const authFailed = (hop: Hop, { tried, problems }: Attempts): RbeeError => {
  const offered = tried.length === 0 ? 'there was no key to offer' : `it took none of: ${tried.join(', ')}`;
  return RbeeError.of('SSH_AUTH_FAILED', {
    hive: hop.name,
    address: addressOf(hop),
    problem: [offered, ...problems].join('; '),
  });
};

export const handshakeFailed = (hop: Hop, cause: Error): RbeeError => {
  const { level } = cause as { level?: string };
  if (level === 'client-timeout') return unreachable(hop, new Error('it accepts connections and says nothing'));
  if (level === 'client-socket') return unreachable(hop, cause);
  return RbeeError.of(
    'SSH_HANDSHAKE_FAILED',
    { hive: hop.name, address: addressOf(hop), problem: cause.message.replace(/^Handshake failed: /, '') },
    { cause },
  );
};

export const connectionLost = (name: string, cause?: Error): RbeeError =>
  RbeeError.of('SSH_CONNECTION_LOST', { hive: name, problem: cause?.message ?? 'the machine closed it' }, { cause });
