/** A port for an engine behind an adapter. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A loopback port that is free right now. Another program may take it before the engine does. */
export const freePort = async (host = '127.0.0.1'): Promise<number> => {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};
