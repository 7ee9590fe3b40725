/** A certificate and its key from files, reloaded when they change. */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { FastifyBaseLogger } from 'fastify';
import { RbeeError } from '../contract/errors.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  cert: string;
  key: string;
}

export interface TlsPair {
  cert: Buffer;
  key: Buffer;
}

/** Throws TLS_FILES_INVALID if a file cannot be read, or if they do not belong together. */
export const readTlsFiles = ({ cert, key }: TlsFiles): TlsPair => {
  const pair = { cert: read(cert), key: read(key) };
  try {
    createSecureContext(pair);
    return pair;
  } catch (cause) {
    throw RbeeError.of('TLS_FILES_INVALID', { path: cert, problem: problemOf(cause) }, { cause });
  }
};

const read = (path: string): Buffer => {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw RbeeError.of('TLS_FILES_INVALID', { path, problem: problemOf(cause) }, { cause });
  }
};

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the private key does not belong to the certificate',
  ERR_OSSL_X509_KEY_TYPE_MISMATCH: 'the private key does not belong to the certificate',
  ERR_OSSL_PEM_NO_START_LINE: 'there is no certificate in PEM format in it',
  ERR_OSSL_UNSUPPORTED: 'tls_key names a file without a private key in PEM format',
  ERR_OSSL_BAD_DECRYPT: 'the private key is encrypted, and rbee needs it without a passphrase',
  ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED: 'the private key is encrypted, and rbee needs it without a passphrase',
};

const problemOf = (cause: unknown): string => {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return problems[code] ?? message;
};

/** Checked this often, in milliseconds: links to renewed certificates cause no events. */
const watchIntervalMs = 2_000;

/**
 * Makes a server use the files again whenever one of them changes; connections that are open keep what they have. Files
 * that are not valid change nothing. Returns a function that stops it.
 */
export const watchTlsFiles = (files: TlsFiles, server: Server, logger: FastifyBaseLogger): (() => void) => {
  const reload = () => {
    try {
      server.setSecureContext(readTlsFiles(files));
      logger.info({ cert: files.cert }, 'the certificate was reloaded');
    } catch (error) {
      logger.error(error, 'the changed certificate cannot be used; the one before it stays in use');
    }
  };
  const paths = [files.cert, files.key];
  for (const path of paths) watchFile(path, { interval: watchIntervalMs, persistent: false }, reload);
  return () => {
    for (const path of paths) unwatchFile(path, reload);
  };
};
