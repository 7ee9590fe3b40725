/** Searching for plugins in a real registry, with its own search and without it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';
import { type Registry, startRegistry } from '../harness/registry.ts';

const index = resolve(import.meta.dirname, '../../core/plugin-index');

let registry: Registry;
let mute: Server;
let home: TestHome;
before(async () => {
  registry = await startRegistry();
  mute = await withoutSearch(registry.url);
  const { port } = mute.address() as AddressInfo;
  home = createHome({ plugins: [], queen: `[registry]\nurl = "http://127.0.0.1:${port}/"` });
  home.env['HOME'] = registry.env['HOME'];
});
after(async () => {
  await home?.close();
  mute?.close();
  await registry?.close();
});

/** The same registry, as if it were built without a search. */
const withoutSearch = async (url: string): Promise<Server> => {
  const { hostname, port } = new URL(url);
  const server = createServer((incoming, outgoing) => {
    if (incoming.url?.startsWith('/-/v1/search')) return void outgoing.writeHead(404).end('{}');
    const { method, headers, url: path } = incoming;
    const onward = request({ hostname, port, method, headers, path }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.once('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
};

test('a registry without a search and without the published list is reported as such', async () => {
  const run = await home.rbee(['plugins', 'search', '--json']);
  assert.equal(run.code, 1);
  assert.match(JSON.parse(run.stdout).error.message, /neither a search nor the package @rbee\/plugin-index/);
});

test('a registry without a search is covered by the published list of plugins', async () => {
  registry.publish(index);
  const listed = JSON.parse(readFileSync(join(index, 'plugins.json'), 'utf8'));
  assert.deepEqual((await home.json(['plugins', 'search'])).plugins, listed);
  const { plugins } = await home.json(['plugins', 'search', 'llamacpp', 'chat']);
  assert.deepEqual(
    plugins.map(({ name }: { name: string }) => name),
    ['@rbee/worker-llamacpp'],
  );
  const table = await home.rbee(['plugins', 'search', 'llamacpp']);
  assert.match(table.stdout, /@rbee\/worker-llamacpp .*llamacpp .*Apache-2\.0 +@rbee/);
  assert.equal((await home.rbee(['plugins', 'search', 'unicorns'])).stdout, 'no plugins found\n');
});
