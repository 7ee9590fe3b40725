/**
 * HTTP requests with the proxies and certificates from the usual environment variables. The only file that uses undici
 * for downloads; it is loaded with the first one.
 */
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { getCACertificates } from 'node:tls';

export interface HttpAgent {
  /** Does not follow redirects. Rejects with the error of the system or of undici. */
  get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Incoming>;
  /** Closes all connections. */
  close(): Promise<void>;
}

export interface Incoming {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Readable;
}

/** `timeoutMs`: for the connection, for the answer, and between two chunks of it. */
export const httpAgent = async (env: NodeJS.ProcessEnv, timeoutMs: number): Promise<HttpAgent> => {
  // Through `default`: a CommonJS module has no named exports in a bundle.
  const { EnvHttpProxyAgent, request } = (await import('undici')).default;
  const either = (name: string) => env[name.toLowerCase()] || env[name];
  const every = either('ALL_PROXY');
  const fallback = every && /^https?:/.test(every) ? every : '';
  const ca = await certificates(env);
  const dispatcher = new EnvHttpProxyAgent({
    // Empty, not undefined: undici would fall back to the environment of this process.
    httpProxy: either('HTTP_PROXY') ?? fallback,
    httpsProxy: either('HTTPS_PROXY') ?? fallback,
    noProxy: either('NO_PROXY') ?? '',
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connectTimeout: timeoutMs,
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

/** Node's certificates and those named by the variables; undefined if they name none. */
const certificates = async (env: NodeJS.ProcessEnv): Promise<string[] | undefined> => {
  const files = [env['NODE_EXTRA_CA_CERTS'], env['SSL_CERT_FILE']].filter((file) => file !== undefined && file !== '');
  if (files.length === 0) return undefined;
  const more = await Promise.all(files.map((file) => readFile(file as string, 'utf8').catch(() => '')));
  return [...getCACertificates('default'), ...more.filter((text) => text !== '')];
};
