import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { disconnectSignal } from './client-disconnect.ts';

/** A response whose client has sent a request; `leave` closes the connection and waits until the server has noticed. */
const responding = async (t: TestContext) => {
  const server = createServer();
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  const leave = async () => {
    const closed = once(response, 'close');
    client.destroy();
    await closed;
  };
  return { response, leave, client };
};

test('a client that disconnects aborts the signal, also if it left before the signal was asked for', async (t) => {
  for (const isEarly of [false, true]) {
    const { response, leave } = await responding(t);
    if (isEarly) await leave();
    const signal = disconnectSignal(response);
    if (!isEarly) {
      assert.equal(signal.aborted, false);
      await leave();
    }
    assert.equal(signal.aborted, true);
  }
});

test('a complete response is no disconnect', async (t) => {
  const { response, client } = await responding(t);
  const signal = disconnectSignal(response);
  response.end('done');
  await once(client, 'data');
  client.end();
  await once(client, 'close');
  assert.equal(signal.aborted, false);
});
