/** Where a server listens: a socket for its owner alone, or a loopback port for all programs on this machine. */
import { chmod, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { isLoopback } from '../config/checks.ts';
import { makeSocketFolder } from '../config/private-places.ts';
import type { RbeeConfig } from '../config/rbee-conf.ts';
import { RbeeError } from '../contract/errors.ts';
import { listenProblem } from './listen-problem.ts';

/** Replaces a socket that is already there: the caller holds the daemon's lock, so nothing listens on it. */
export const listenOnSocket = async (app: FastifyInstance, path: string): Promise<void> => {
  makeSocketFolder(dirname(path));
  await rm(path, { force: true });
  // Created without access for others: a later chmod alone would leave a moment in which they could connect.
  const before = process.umask(0o077);
  try {
    await app.listen({ path });
  } finally {
    process.umask(before);
  }
  await chmod(path, 0o600);
};

/**
 * Returns the URL. `conf` is the file that the address comes from. On failure the server is closed. Throws PORT_TAKEN,
 * CONFIG_INVALID.
 */
export const listenOnLoopback = async (
  app: FastifyInstance,
  { bind, port }: Pick<RbeeConfig['queen'], 'bind' | 'port'>,
  conf: string,
): Promise<string> => {
  try {
    if (!isLoopback(bind)) throw notLoopback(bind, conf);
    await app.listen({ host: bind, port }).catch((error) => {
      throw listenProblem(error, { bind, port }, conf);
    });
  } catch (error) {
    await app.close();
    throw error;
  }
  const { address, family, port: actual } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`;
};

const notLoopback = (bind: string, file: string): RbeeError =>
  RbeeError.of('CONFIG_INVALID', {
    file,
    line: 1,
    column: 1,
    problem: `[queen] bind = "${bind}" is open to other machines, which this version does not support`,
    hint: 'use bind = "127.0.0.1", and reach it from other machines with ssh -L',
  });
