/**
 * Requests over undici, by way of the proxies and with the certificates that the usual environment variables name. The
 * one file of the registry that knows undici, which is loaded with the first download.
 */
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { getCACertificates } from 'node:tls';

export interface HttpAgent {
  /** Redirects are answers. Rejects with the system's or undici's error. */
  get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Incoming>;
  /** Drops all connections. */
  close(): Promise<void>;
}

export interface Incoming {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Readable;
}

/** `stallMs`: how long to wait for a connection, for an answer, and between any two pieces of it. */
export const httpAgent = async (env: NodeJS.ProcessEnv, stallMs: number): Promise<HttpAgent> => {
  // By its default: what is CommonJS has no names in a bundle.
  const { EnvHttpProxyAgent, request } = (await import('undici')).default;
  const either = (name: string) => env[name.toLowerCase()] || env[name];
  const every = either('ALL_PROXY');
  const fallback = every && /^https?:/.test(every) ? every : '';
  const ca = await certificates(env);
  const dispatcher = new EnvHttpProxyAgent({
    // An empty text, not undefined: undici would look into this process's own environment.
    httpProxy: either('HTTP_PROXY') ?? fallback,
    httpsProxy: either('HTTPS_PROXY') ?? fallback,
    noProxy: either('NO_PROXY') ?? '',
    headersTimeout: stallMs,
    bodyTimeout: stallMs,
    connectTimeout: stallMs,
    ...(ca ? { connect: { ca }, requestTls: { ca }, proxyTls: { ca } } : {}),
  });
  return {
    get: async (url, headers, signal) => {
      const { statusCode, headers: answered, body } = await request(url, { dispatcher, headers, signal });
      return { status: statusCode, headers: answered, body };
    },
    close: () => dispatcher.destroy(),
  };
};

/** Node's own certificates and those of the variables, or undefined where they name none. */
const certificates = async (env: NodeJS.ProcessEnv): Promise<string[] | undefined> => {
  const files = [env['NODE_EXTRA_CA_CERTS'], env['SSL_CERT_FILE']].filter((file) => file !== undefined && file !== '');
  if (files.length === 0) return undefined;
  const more = await Promise.all(files.map((file) => readFile(file as string, 'utf8').catch(() => '')));
  return [...getCACertificates('default'), ...more.filter((text) => text !== '')];
};
