import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { drainRest } from './drain-rest.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Answers 413 at once, and reads the rest within these limits. */
const refusing = async (limits: { idleMs: number; totalMs: number }) => {
  server = createServer((request, response) => {
    drainRest(request, response, limits);
    response.writeHead(413, { 'content-length': 0 }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

/** Sends a body in pieces and reads nothing before its end. Rejects if the connection is reset. */
const send = async (port: number, pieces: number, pauseMs: number): Promise<string> => {
  const socket = connect(port, '127.0.0.1').pause();
  const failed = once(socket, 'close').then(() => Promise.reject(new Error('closed')));
  failed.catch(() => {});
  socket.on('error', () => {});
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${pieces * 1000}\r\n\r\n`);
  for (let piece = 0; piece < pieces; piece++) {
    await Promise.race([delay(pauseMs), failed]);
    socket.write(Buffer.alloc(1000));
  }
  return Buffer.concat(await socket.toArray()).toString();
};

describe('the rest of a request that was answered early', () => {
  it('is read for as long as it keeps coming', async () => {
    const port = await refusing({ idleMs: 200, totalMs: 10_000 });
    assert.match(await send(port, 20, 25), /^HTTP\/1\.1 413 /);
  });

  it('is given up when it stops, and when it never ends', async () => {
    await assert.rejects(send(await refusing({ idleMs: 50, totalMs: 10_000 }), 5, 1_000));
    server?.close();
    await assert.rejects(send(await refusing({ idleMs: 1_000, totalMs: 100 }), 1_000, 5));
  });
});
