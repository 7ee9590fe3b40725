/** Addresses that the queen listens on, as written in rbee.conf: `127.0.0.1:8500`, `[::1]:8500`, `https://0.0.0.0:8443`. */
import { isIP } from 'node:net';

export interface ListenAddress {
  /** An IP address, or `localhost`. */
  host: string;
  /** 0 picks a free one. */
  port: number;
  tls: boolean;
}

/** Undefined if it is not an address. */
export const parseListenAddress = (text: string): ListenAddress | undefined => {
  const match = /^(?:(https?):\/\/)?(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})\/?$/.exec(text);
  if (!match) return undefined;
  const [, scheme, ipv6, name = '', port] = match;
  const host = ipv6 ?? (name === '*' ? '0.0.0.0' : name.toLowerCase());
  if (host !== 'localhost' && isIP(host) !== (ipv6 === undefined ? 4 : 6)) return undefined;
  return Number(port) > 65_535 ? undefined : { host, port: Number(port), tls: scheme === 'https' };
};

/** As it appears in a URL. */
export const formatListenAddress = ({ host, port, tls }: ListenAddress): string =>
  `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
