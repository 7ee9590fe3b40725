/** Parses the algorithms that a server offers, so that an error can say what both sides have in common. */

/** The lists of RFC 4253 7.1, in wire order. */
const lists = ['kex', 'hostKey', 'cipher', 'cipherBack', 'mac', 'macBack'] as const;

export type Offer = Partial<Record<(typeof lists)[number], string[]>>;

/** `bytes` are the first ones received: the banner, and the packet with the offers, possibly incomplete. */
export const readOffer = (bytes: Buffer): Offer => {
  const banner = /(?:^|\n)SSH-[^\n]*\n/.exec(bytes.toString('latin1'));
  const offer: Offer = {};
  if (!banner) return offer;
  const start = banner.index + banner[0].length;
  if (bytes.length < start + packetHead || bytes[start + 5] !== keyExchangeInit) return offer;
  let at = start + packetHead;
  for (const list of lists) {
    const length = at + 4 <= bytes.length ? bytes.readUInt32BE(at) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > bytes.length) break;
    offer[list] = bytes.toString('latin1', at + 4, at + 4 + length).split(',');
    at += 4 + length;
  }
  return offer;
};

/** Length, length of the padding, type, cookie. */
const packetHead = 4 + 1 + 1 + 16;
const keyExchangeInit = 20;

interface Kind {
  list: keyof Offer;
  what: string;
  /** Keyword of sshd_config. */
  keyword: string;
  /** One that rbee and every current sshd support. */
  common: string;
}

const kinds = new Map<string, Kind>([
  [
    'key exchange algorithm',
    { list: 'kex', what: 'key exchange', keyword: 'KexAlgorithms', common: 'curve25519-sha256' },
  ],
  [
    'host key format',
    { list: 'hostKey', what: 'kind of host key', keyword: 'HostKeyAlgorithms', common: 'ssh-ed25519' },
  ],
  ['C->S cipher', { list: 'cipher', what: 'cipher', keyword: 'Ciphers', common: 'aes256-gcm@openssh.com' }],
  ['S->C cipher', { list: 'cipherBack', what: 'cipher', keyword: 'Ciphers', common: 'aes256-gcm@openssh.com' }],
  ['C->S MAC', { list: 'mac', what: 'MAC', keyword: 'MACs', common: 'hmac-sha2-256' }],
  ['S->C MAC', { list: 'macBack', what: 'MAC', keyword: 'MACs', common: 'hmac-sha2-256' }],
]);

/** Undefined if `problem` (a message of ssh2) is about something else. */
export const nothingShared = (problem: string, bytes: Buffer): { problem: string; hint: string } | undefined => {
  const kind = kinds.get(/no matching (.+)$/.exec(problem)?.[1] ?? '');
  if (!kind) return undefined;
  const { list, what, keyword, common } = kind;
  const offered = (readOffer(bytes)[list] ?? []).filter((name) => !markers.test(name)).slice(0, maxShown);
  const only = offered.length === 0 ? '' : `: it offers only ${offered.map(printable).join(', ')}`;
  const isQuantum = list === 'kex' && offered.length > 0 && offered.every((name) => postQuantum.test(name));
  return {
    problem: `its SSH server and rbee have no common ${what}${only}${isQuantum ? ', and rbee has no post-quantum key exchange' : ''}`,
    hint: `allow another one in its sshd_config, and restart sshd: ${keyword} +${common}`,
  };
};

/** Markers in the lists that are not algorithms. */
const markers = /^(ext-info-|kex-strict-)/;
const postQuantum = /^(sntrup761|mlkem)/;
const maxShown = 10;
const printable = (name: string): string => name.slice(0, 64).replaceAll(/[^ -~]/g, '?');
