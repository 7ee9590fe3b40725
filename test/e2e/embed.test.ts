/** `rbee embed`, with real llama.cpp. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectQueen } from '../../core/queen/client/index.ts';
import { createHome, type TestHome } from '../harness/home.ts';

let home: TestHome;
before(() => {
  home = createHome();
});
after(() => home.close());

test('a text becomes one line of JSON, with a worker that is started for it', async () => {
  const run = await home.rbee(['embed', '-m', 'demo', 'a', 'bee']);
  assert.equal(run.code, 0, run.stderr);
  const vector = JSON.parse(run.stdout) as number[];
  assert.equal(vector.length, 64);
  assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-3);
  assert.match(run.stderr, /is ready/);
});

test('without --model, the only embedding model is used', async () => {
  const result = await home.json(['embed', 'a bee']);
  assert.equal(result.model, 'demo');
  assert.equal(result.embeddings.length, 1);
  assert.ok(result.usage.total_tokens > 0);
});

test('each line of stdin is a separate text', async () => {
  const run = await home.rbee(['embed', '--lines'], { input: 'one\n\ntwo\r\nthree\n' });
  assert.equal(run.stdout.trim().split('\n').length, 3);
  const single = await home.rbee(['embed', '-'], { input: 'two' });
  assert.equal(single.stdout.trim(), run.stdout.split('\n')[1]);
});

test('text that cannot be embedded is reported', async () => {
  const empty = await home.rbee(['embed'], { input: ' \n' });
  assert.deepEqual([empty.code, empty.stdout], [2, '']);
  assert.match(empty.stderr, /stdin is empty/);
  const unknown = await home.rbee(['embed', '-m', 'dmo', 'x']);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no worker serves the model dmo; did you mean demo\?/);
});

test('an unknown model or a missing file is reported before anything starts', async () => {
  const run = await home.rbee(['image', '-m', 'flx', 'a bee']);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /no worker serves the model flx/);
  const typo = await home.rbee(['transcribe', 'nothing.wav']);
  assert.equal(typo.code, 2);
  assert.match(typo.stderr, /cannot read the file nothing\.wav: there is no such file/);
});

test('load finds the running worker, and unload stops it', async () => {
  const queen = connectQueen({ socketPath: home.paths.queenSocket });
  const [before] = (await home.json(['worker', 'list'])).workers;
  const loaded = await queen.runOperation('model_load', { model: 'demo', kind: 'embedding' });
  assert.deepEqual(loaded, { model: 'demo', path: '/v1/embeddings', worker: before.id });
  const { workers } = await queen.runOperation('model_unload', { model: 'demo' });
  assert.deepEqual(
    workers.map(({ id, state }) => [id, state]),
    [[before.id, 'stopped']],
  );
  await assert.rejects(queen.runOperation('model_unload', { model: 'dem' }), { code: 'MODEL_NOT_FOUND' });
});
