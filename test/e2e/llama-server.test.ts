/**
 * Every path of llama-server through the real queen, with a stand-in as the program. What the builtin engine lacks is
 * reported.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { demoSentence } from '../../plugins/worker-llamacpp/demo/sentence.ts';
import { writeStandIn } from '../../plugins/worker-llamacpp/test/stand-in-binary.ts';
import { createHome, type TestHome } from '../harness/home.ts';

let home: TestHome;
let url: string;
before(async () => {
  home = createHome({ plugins: [resolve(import.meta.dirname, '../../plugins/worker-llamacpp')] });
  const folder = join(home.folder, 'programs');
  mkdirSync(folder);
  home.env['RBEE_LLAMA_SERVER'] = writeStandIn(folder);
  url = (await home.json(['queen', 'start'])).url;
});
after(() => home.close());

const spawn = (name: string, ...options: string[]) => {
  const flags = ['threads=1', 'context=512', ...options].flatMap((option) => ['--option', option]);
  const what = ['--type', 'llamacpp', '--device', 'cpu', '--model', 'demo', '--name', name];
  return home.json(['worker', 'spawn', ...what, ...flags]);
};
const post = async (path: string, body: object) => {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: each path answers in its own shape.
  return (await response.json()) as any;
};

test('a worker on llama-server serves its paths, the rerank path only with the option', async () => {
  const worker = await spawn('served', 'rerank=true');
  assert.equal(worker.engine, 'llama-server');
  assert.deepEqual(
    worker.paths.map((path: string) => path.replace('POST ', '')),
    [
      ...['/v1/chat/completions', '/v1/completions', '/v1/responses', '/v1/messages', '/v1/messages/count_tokens'],
      ...['/v1/rerank', '/tokenize', '/detokenize', '/infill'],
    ],
  );
  const model = 'served';
  const messages = [{ role: 'user', content: 'Hi' }];
  const said = demoSentence.trim();
  const { output } = await post('/v1/responses', { model, input: 'Hi' });
  assert.equal(output[0].content[0].text.trim(), said);
  assert.equal((await post('/v1/messages', { model, messages, max_tokens: 99 })).content[0].text.trim(), said);
  assert.ok((await post('/v1/messages/count_tokens', { model, messages })).input_tokens > 1);
  const ranked = await post('/v1/rerank', { model, query: 'bee', documents: ['a wasp', 'a bee'] });
  assert.deepEqual(
    ranked.results.map((result: { relevance_score: number }) => result.relevance_score),
    [0, 1],
  );
  const { tokens } = await post('/tokenize', { content: 'bee' });
  assert.equal((await post('/detokenize', { model, tokens })).content, 'bee');
  assert.equal((await post('/infill', { input_prefix: 'a', input_suffix: 'b' })).content.trim(), said);
});

test('a path that the requested model does not have is refused, and the error names a model that has it', async () => {
  const { engine, abilities } = await spawn('plain', 'engine=builtin');
  assert.equal(engine, 'builtin');
  assert.deepEqual([abilities.contextLength, abilities.tools, abilities.vision], [512, false, false]);
  const { error } = await post('/v1/responses', { model: 'plain', input: 'Hi' });
  assert.equal(error.code, 'path_not_served');
  assert.match(error.message, /\(llamacpp, builtin\)/);
  assert.match(error.hint, /it is served by llama-server, not by builtin; models that do: served;/);
  const embeddings = await post('/v1/embeddings', { model: 'served', input: 'Hi' });
  assert.match(embeddings.error.hint, /--option embeddings=true/);
});
