import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { readLoad, readMetric } from './load.ts';

const text = `# HELP busy requests
# TYPE busy gauge
busy{model="a",slot="1"} 2
busy{model="b"} 1
busy_total 99
waiting 4
use 0.25
broken NaN
`;

const server = createServer((request, response) => {
  if (request.headers.authorization !== 'Bearer key') response.writeHead(401).end();
  else response.end(text);
});
before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
after(() => server.close());

const ask = (apiKey: string) =>
  readLoad({
    load: { path: '/metrics', running: 'busy', waiting: 'waiting', kvCacheUse: 'use' },
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    apiKey,
    signal: new AbortController().signal,
  });

test('a metric is summed over its labels and never mixed with a longer name', () => {
  assert.equal(readMetric(text, 'busy'), 3);
  assert.equal(readMetric(text, 'busy_total'), 99);
  assert.equal(readMetric(text, 'absent'), null);
  assert.equal(readMetric(text, 'broken'), null);
});

test("an engine's numbers are read with its key", async () => {
  assert.deepEqual(await ask('key'), { running: 3, waiting: 4, kvCacheUse: 0.25 });
});

test('an engine that refuses gives no numbers', async () => {
  assert.equal(await ask('wrong'), null);
});
