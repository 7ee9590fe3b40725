/** Listens on a unix socket and a loopback port for a short time, to test whether forwarding works. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Doors } from './protocol.ts';

const openMs = 30_000;

/** They close automatically. */
export const openDoors = async (): Promise<Doors> => {
  const folder = await mkdtemp(join(tmpdir(), 'rbee-door-'));
  const servers = [greeter(), greeter()] as const;
  const [unix, tcp] = servers;
  const close = async () => {
    for (const server of servers) server.close();
    await rm(folder, { recursive: true, force: true });
  };
  setTimeout(() => void close(), openMs).unref();
  try {
    const socketPath = join(folder, 's');
    await listening(unix, { path: socketPath });
    await listening(tcp, { host: '127.0.0.1', port: 0 });
    return { socketPath, port: (tcp.address() as { port: number }).port };
  } catch (error) {
    await close();
    throw error;
  }
};

const greeter = (): Server =>
  createServer((socket) => {
    socket.on('error', () => {});
    socket.end();
  });

const listening = (server: Server, where: { path: string } | { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  });
