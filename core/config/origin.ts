/** Web origins, as browsers send them in the header `Origin`. */

/**
 * An origin in the form that browsers send: lower case, without a slash at its end and without the default port. `*` and
 * `null` are returned unchanged. Undefined if it is not an origin.
 */
export const normalizedOrigin = (text: string): string | undefined => {
  if (text === '*' || text === 'null') return text;
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^\s/?#@]*)\/?$/i.exec(text);
  if (!match) return undefined;
  const [, scheme = '', host = ''] = match;
  const name = scheme.toLowerCase();
  if (name !== 'http' && name !== 'https') return name === 'file' ? 'file://' : `${name}://${host.toLowerCase()}`;
  try {
    const { origin } = new URL(text);
    return origin === 'null' ? undefined : origin;
  } catch {
    return undefined;
  }
};

/**
 * What an origin is. `app`: an installed program with a scheme of its own, such as `app://obsidian.md`, or a browser
 * extension. `loopback`: a page served from this machine. `web`: every other page, also one with the origin `null`.
 */
export type OriginKind = 'app' | 'loopback' | 'web';

export const originKind = (origin: string): OriginKind => {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(origin);
  if (!match) return 'web';
  if (!/^https?$/i.test(match[1] ?? '')) return 'app';
  return isLoopbackName((match[2] ?? '').replace(/:\d+$/, '')) ? 'loopback' : 'web';
};

/** A host as written in a URL or in the header `Host`, without its port: `localhost`, `127.0.0.1`, `[::1]`. */
export const isLoopbackName = (host: string): boolean =>
  /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]|(?:[a-z0-9-]{1,63}\.)+localhost)$/i.test(host);
