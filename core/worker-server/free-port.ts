/** A port for an engine behind an adapter. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the default ports of workers, and below the ports that systems give to outgoing connections, one of which could
 * take it while the engine loads.
 */
const firstPort = 12_000;
const lastPort = 17_999;
const maxTries = 100;

/** A loopback port that is free right now. Another program may take it before the engine does. */
export const freePort = async (host = '127.0.0.1'): Promise<number> => {
  for (let tries = 1; ; tries++) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort + 1));
    const server = createServer();
    try {
      server.listen(port, host);
      await once(server, 'listening');
      server.close();
      await once(server, 'close');
      return port;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' || tries === maxTries) throw error;
    }
  }
};
