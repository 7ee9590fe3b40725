import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { createWorkerServer } from './worker-server.ts';

/** An engine that switches protocols at `/ws` and then echoes; on other paths it answers 503. */
const startEngine = async () => {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (head: Buffer) => {
      heard.push(head.toString());
      if (!head.toString().startsWith('GET /ws')) {
        socket.end('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy');
        return;
      }
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Own: yes\r\n\r\nhello ',
      );
      socket.pipe(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { heard, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

const ask = async (port: number, path: string, more: readonly string[]) => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  after(() => socket.destroy());
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece;
  });
  socket.on('error', () => {});
  const ended = once(socket, 'end');
  const head = [`GET ${path} HTTP/1.1`, 'host: x', 'connection: Upgrade', 'upgrade: websocket', ...more];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  const says = async (wanted: RegExp) => {
    while (!wanted.test(text)) await once(socket, 'data');
  };
  return { socket, ended, says, text: () => text };
};

test('a connection that requests another protocol is forwarded to the address of its route', async () => {
  const engine = await startEngine();
  const worker = createWorkerServer({
    name: 'joining',
    host: '127.0.0.1',
    port: 0,
    models: ['tiny'],
    slots: 1,
    queueLimit: 0,
    routes: ['/ws', '/api/*', '/plain'].map((path) => ({
      path,
      method: 'GET',
      handler: async () => ({ plain: true }),
      ...(path === '/plain'
        ? {}
        : { upgrade: ({ url }: { url: string }) => ({ url: engine.url + url, headers: { 'x-passed': '1' } }) }),
    })),
    load: async () => ({}),
    env: { RBEE_API_KEY: 'key' },
    log: () => {},
  });
  const { port } = await worker.start();
  const key = 'authorization: Bearer key';

  const stranger = await ask(port, '/ws', []);
  await stranger.ended;
  assert.match(stranger.text(), /^HTTP\/1\.1 401 /);
  assert.deepEqual(engine.heard, []);

  const plain = await ask(port, '/plain', [key]);
  await plain.says(/\{"plain":true\}/);

  const busy = await ask(port, '/api/x', [key]);
  await busy.ended;
  assert.match(busy.text(), /^HTTP\/1\.1 503 [\s\S]*busy$/);

  const half = await ask(port, '/ws?a=b', [key]);
  half.socket.end('bees');
  await half.ended;
  assert.match(half.text(), /^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*X-Own: yes\r\n\r\nhello bees$/);
  assert.match(engine.heard.at(-1) ?? '', /^GET \/ws\?a=b HTTP\/1\.1\r\n[\s\S]*x-passed: 1/);

  const lasting = await ask(port, '/ws', [key]);
  lasting.socket.write('one');
  await lasting.says(/hello one$/);
  await worker.close();
  await lasting.ended;
});
