/** A TCP proxy that records the HTTP requests which pass through it, and the statuses of their answers. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Recorder {
  port: number;
  /** Such as `POST /v1/jobs`. */
  requests: string[];
  statuses: number[];
  close(): Promise<void>;
}

/** `takes` may answer a connection itself. */
export const recorderTo = async (port: number, takes: (socket: Socket) => boolean = () => false): Promise<Recorder> => {
  const requests: string[] = [];
  const statuses: number[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    if (takes(socket)) return;
    const onward = connect(port, '127.0.0.1').on('error', () => socket.destroy());
    sockets.add(onward);
    socket.on('data', (data) => {
      for (const [, line = ''] of data.toString('latin1').matchAll(/([A-Z]+ \/[^ ?]*)\S* HTTP\/1\.1\r\n/g))
        requests.push(line);
    });
    onward.on('data', (data) => {
      for (const [, status] of data.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)) statuses.push(Number(status));
    });
    socket.pipe(onward).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    statuses,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};
