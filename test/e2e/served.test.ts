/**
 * What workers declare to serve, through the real queen: methods, content types, ids, and the abilities of each worker.
 */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';

let home: TestHome;
let url: string;
before(async () => {
  home = createHome({ plugins: [resolve(import.meta.dirname, '../fixtures/worker-batches')] });
  url = (await home.json(['queen', 'start'])).url;
});
after(() => home.close());

const spawn = (name: string, ...options: string[]) => {
  const flags = options.flatMap((option) => ['--option', option]);
  return home.json(['worker', 'spawn', '--type', 'batches', '--device', 'cpu', '--name', name, ...flags]);
};
const ask = async (method: string, path: string, body?: string, type = 'application/json') => {
  const headers = { 'content-type': type };
  const response = await fetch(url + path, { method, ...(body !== undefined && { headers, body }) });
  const worker = response.headers.get('x-rbee-worker');
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of any shape.
  return { status: response.status, worker, json: (await response.json()) as any };
};

test('a batch stays with the worker that created it until it is deleted there', async () => {
  const workers = [await spawn('pool'), await spawn('pool')];
  const made = [];
  for (let nth = 0; nth < 4; nth += 1)
    made.push(await ask('POST', '/v1/batches', JSON.stringify({ model: 'pool', nth })));
  assert.deepEqual([...new Set(made.map(({ worker }) => worker))].sort(), workers.map(({ id }) => id).sort());
  for (const { worker, json } of made) {
    const path = `/v1/batches/${json.id}`;
    assert.deepEqual(await ask('GET', path), { status: 200, worker, json });
    assert.deepEqual(await ask('DELETE', path), { status: 200, worker, json: { id: json.id, deleted: true } });
    assert.equal((await ask('GET', path)).status, 410);
  }
  assert.equal((await ask('PUT', `/v1/batches/${made[0]?.json.id}`, '{}')).json.error.code, 'method_not_allowed');
  assert.equal((await ask('GET', '/v1/batches/of-nobody')).json.error.code, 'id_not_found');
});

test('only the declared content types of a worker are passed on', async () => {
  await spawn('notes');
  const path = '/v1/notes/n1?model=notes';
  await ask('PUT', path, 'plain words', 'text/plain; charset=utf-8');
  const { json } = await ask('GET', path);
  assert.deepEqual(json, { text: 'plain words', type: 'text/plain; charset=utf-8' });
  assert.equal((await ask('PUT', path, '{"model":"notes"}')).json.error.code, 'unsupported_content_type');
});

test('what a worker serves and can do follows from its engine and options, and is shown', async () => {
  const { id: small } = await spawn('small', 'notes=false');
  const { id: big } = await spawn('big', 'engine=big', 'embeddings=true', 'width=16');
  const [one, two] = [await home.json(['worker', 'get', small]), await home.json(['worker', 'get', big])];
  const batches = ['POST /v1/batches', 'GET, DELETE /v1/batches/{batch}'];
  assert.deepEqual([one.paths, one.slots, one.abilities], [batches, 8, { dimensions: 8, tools: false }]);
  assert.deepEqual(two.paths, [...batches, 'PUT, GET /v1/notes/{note}', 'POST /v1/embeddings', 'POST /v1/sums']);
  assert.deepEqual([two.slots, two.abilities], [16, { dimensions: 16, tools: true }]);
  const shown = (await home.rbee(['worker', 'get', big])).stdout;
  for (const text of ['POST /v1/sums', 'tools: yes', 'dimensions: 16']) assert.ok(shown.includes(text), shown);
  const { data } = (await ask('GET', '/v1/models')).json;
  assert.deepEqual(data.find((model: { id: string }) => model.id === 'big').abilities, two.abilities);

  const sums = (await ask('POST', '/v1/sums', '{"model":"small"}')).json.error;
  assert.equal(sums.code, 'path_not_served');
  assert.ok(sums.message.includes(`${small} (batches, small)`), sums.message);
  assert.match(sums.hint, /it is served by big, not by small; models that do: big; it serves: POST \/v1\/batches/);
  const embeddings = (await ask('POST', '/v1/embeddings', '{"model":"small"}')).json.error;
  assert.match(embeddings.hint, /--option embeddings=true/);
  assert.match((await ask('GET', '/v1/notes/n?model=small')).json.error.hint, /notes=true/);
  assert.equal((await ask('POST', '/v1/embeddings', '{"model":"big"}')).status, 200);
});

test('a restarted worker serves the same as before, and so does an adopted one', async () => {
  const { id } = await spawn('again', 'embeddings=true');
  const before = await home.json(['worker', 'get', id]);
  await home.rbee(['queen', 'restart']);
  url = (await home.json(['queen', 'status'])).url;
  const adopted = await home.json(['worker', 'get', id]);
  await home.json(['worker', 'stop', id]);
  await home.json(['worker', 'start', id]);
  const started = await home.json(['worker', 'get', id]);
  for (const later of [adopted, started])
    assert.deepEqual([later.paths, later.abilities, later.slots], [before.paths, before.abilities, before.slots]);
});
