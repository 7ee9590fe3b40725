/** Where a server listens: a socket for its owner alone, or an address for other programs. */
import { chmod, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { ListenAddress } from '../config/listen-address.ts';
import { makeSocketFolder } from '../config/private-places.ts';
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

/** Returns the address with its actual port. `conf` is the file that it comes from. Throws PORT_TAKEN, CONFIG_INVALID. */
export const listenAt = async (app: FastifyInstance, address: ListenAddress, conf: string): Promise<ListenAddress> => {
  const { host, port, tls } = address;
  try {
    // `::` means IPv6 alone, so that it can stand beside an address for IPv4.
    await app.listen({ host, port, ipv6Only: host === '::' });
  } catch (error) {
    throw listenProblem(error, address, conf);
  }
  const { address: actualHost, port: actualPort } = app.server.address() as AddressInfo;
  return { host: actualHost, port: actualPort, tls };
};

/** Closes a server whether it listens or not. */
export const closeListener = async (app: FastifyInstance): Promise<void> => {
  await app.close();
};
