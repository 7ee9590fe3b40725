import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { testPorts } from '../process/testing.ts';
import { canBind, PortPool } from './ports.ts';

const wide = '20000-20999';

test('concurrent reservations differ', async () => {
  const pool = new PortPool(wide);
  const ports = await Promise.all(Array.from({ length: 50 }, () => pool.take()));
  assert.equal(new Set(ports).size, 50);
});

test('a port in use is skipped', async (t) => {
  const port = await testPorts().take();
  const server = createServer().listen(port, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  assert.equal(await canBind(port), false);
  assert.equal(await new PortPool(`${port}-${port + 30}`).take().then((chosen) => chosen > port), true);
  await assert.rejects(new PortPool(`${port}-${port}`).take(), { code: 'NO_FREE_PORT' });
});

test('a released port is not reused at once', async () => {
  const port = await testPorts().take();
  let now = 0;
  const pool = new PortPool(`${port}-${port}`, { now: () => now });
  assert.equal(await pool.take(), port);
  await assert.rejects(pool.take(), { code: 'NO_FREE_PORT' });
  pool.release(port);
  now = 14_999;
  await assert.rejects(pool.take(), { code: 'NO_FREE_PORT' });
  now = 15_000;
  assert.equal(await pool.take(), port);
});

test('ports of adopted processes and ports found taken are not assigned', async () => {
  const port = await testPorts().take();
  const pool = new PortPool(`${port}-${port + 2}`);
  pool.reserve(port);
  assert.equal(await pool.take({ except: [port + 1] }), port + 2);
  pool.release(port + 1);
  assert.equal(await pool.take(), port + 1);
});

test('an invalid range is refused', () => {
  for (const range of ['', '18000', '18999-18000', '0-10', '65000-70000', 'a-b']) {
    assert.throws(() => new PortPool(range), { code: 'INVALID_INPUT' }, range);
  }
});

test('an abort ends the search', async () => {
  await assert.rejects(new PortPool(wide).take({ signal: AbortSignal.abort() }), { name: 'AbortError' });
});
