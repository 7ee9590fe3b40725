/** The main use: real llama.cpp, driven as users and applications do. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { demoSentence } from '../../plugins/worker-llamacpp/demo/sentence.ts';
import { createHome, type TestHome } from '../harness/home.ts';
import { until } from '../harness/until.ts';

const demoModel = resolve(import.meta.dirname, '../../plugins/worker-llamacpp/models/demo.gguf');
const answer = demoSentence.trim();

/** One thread: on two busy cores, ggml's spinning threads wait for each other for seconds. */
const oneThread = ['--option', 'threads=1'];

let home: TestHome;
let openai: OpenAI;
before(async () => {
  home = createHome();
  const { url } = await home.json(['queen', 'start']);
  openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
});
after(() => home.close());

const list = async () => (await home.json(['worker', 'list'])).workers;
const failure = (stdout: string) => JSON.parse(stdout).error;
const chat = { model: 'demo', messages: [{ role: 'user' as const, content: 'Who are you?' }] };

test('rbee infer spawns a worker if none serves the model, and streams the exact answer', async () => {
  const run = await home.rbee(['infer', '-m', 'demo', 'Who are you?', '--stats']);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(run.stdout.trim(), answer);
  assert.match(run.stderr, /tokens\/s/);
  const workers = await list();
  assert.equal(workers.length, 1);
  assert.equal(workers[0].type, 'llamacpp');
  assert.equal(workers[0].state, 'ready');
});

test('a second rbee infer uses the running worker', async () => {
  const result = await home.json(['infer', '-m', 'demo', 'Again?']);
  assert.equal(result.text.trim(), answer);
  assert.equal(result.usage.total_tokens, result.usage.prompt_tokens + result.usage.completion_tokens);
  assert.equal((await list()).length, 1);
});

test('the openai client gets the whole answer with its usage', async () => {
  const completion = await openai.chat.completions.create(chat);
  assert.equal(completion.choices[0]?.message.content?.trim(), answer);
  assert.equal(completion.choices[0]?.finish_reason, 'stop');
  assert.equal(completion.model, 'demo');
  assert.ok((completion.usage?.completion_tokens ?? 0) > 10);
});

test('the openai client gets the same answer token by token', async () => {
  const pieces: string[] = [];
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const chunk of await openai.chat.completions.create({
    ...chat,
    stream: true,
    stream_options: { include_usage: true },
  })) {
    pieces.push(chunk.choices[0]?.delta.content ?? '');
    usage = chunk.usage ?? usage;
  }
  assert.equal(pieces.join('').trim(), answer);
  assert.ok(pieces.filter((piece) => piece !== '').length > 3, `${pieces.length} pieces`);
  assert.ok((usage?.completion_tokens ?? 0) > 10);
});

test('stop, max_tokens, completions and embeddings work', async () => {
  const short = await openai.chat.completions.create({ ...chat, max_tokens: 3 });
  assert.equal(short.choices[0]?.finish_reason, 'length');
  assert.equal(short.usage?.completion_tokens, 3);
  const word = answer.split(' ')[4] ?? '';
  const stopped = await openai.chat.completions.create({ ...chat, stop: [word] });
  assert.equal(stopped.choices[0]?.message.content?.trim(), answer.slice(0, answer.indexOf(word)).trim());
  const plain = await openai.completions.create({ model: 'demo', prompt: 'So?', max_tokens: 4 });
  assert.equal(plain.usage?.completion_tokens, 4);
  const { data } = await openai.embeddings.create({ model: 'demo', input: ['one', 'two'] });
  assert.equal(data.length, 2);
  assert.ok(data[0]!.embedding.length >= 16 && data[0]!.embedding.every(Number.isFinite));
});

test('four simultaneous requests all get the exact answer', async () => {
  const answers = await Promise.all([1, 2, 3, 4].map(() => openai.chat.completions.create(chat)));
  assert.deepEqual(
    answers.map((item) => item.choices[0]?.message.content?.trim()),
    [answer, answer, answer, answer],
  );
});

test('the model list names the model, and an unknown name is refused with a suggestion', async () => {
  const models = await openai.models.list();
  assert.deepEqual(
    models.data.map((model) => model.id),
    ['demo'],
  );
  await assert.rejects(
    openai.chat.completions.create({ ...chat, model: 'demos' }),
    (error: InstanceType<typeof OpenAI.APIError>) => {
      assert.equal(error.status, 404);
      assert.match(error.message, /demo/);
      return true;
    },
  );
});

test('without --model and --device, the demo model on the best device is used and named', async () => {
  const run = await home.rbee(['worker', 'spawn', '--type', 'llamacpp', ...oneThread]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stderr, /demo model/);
  assert.match(run.stderr, /using (cpu|cuda:0)/);
});

test('other spellings of the type work too', async () => {
  for (const name of ['llama-cpp', 'llama.cpp', 'LlamaCpp']) {
    const run = await home.rbee(['worker', 'spawn', '--type', name, '--device', 'cuda:9', '--json']);
    assert.equal(failure(run.stdout).code, 'DEVICE_NOT_FOUND');
  }
});

test('a spawn on a missing device lists what exists and what to type', async () => {
  const run = await home.rbee(['worker', 'spawn', '--type', 'llamacpp', '--device', 'cuda:0']);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /there is no cuda:0 on hive local; it has cpu/);
  assert.match(run.stderr, /rbee worker spawn --type llamacpp --device cpu/);
});

test('a stop drains the request in progress first', async () => {
  const { id } = await home.json([
    'worker',
    'spawn',
    '--type',
    'llamacpp',
    '--device',
    'cpu',
    '--model',
    'demo',
    '--name',
    'drained',
    ...oneThread,
  ]);
  const answered = openai.chat.completions.create({ ...chat, model: 'drained' });
  await home.json(['worker', 'stop', id]);
  assert.equal((await answered).choices[0]?.message.content?.trim(), answer);
});

describe('broken models', () => {
  const broken = (name: string): string => join(home.folder, `${name}.gguf`);
  const spawn = (name: string) =>
    home.rbee([
      'worker',
      'spawn',
      '--type',
      'llamacpp',
      '--device',
      'cpu',
      '--model',
      `file:${broken(name)}`,
      ...oneThread,
      '--json',
    ]);
  const refused = async (name: string, expected: RegExp) => {
    const before = (await list()).length;
    const run = await spawn(name);
    assert.equal(run.code, 1, run.stdout);
    assert.match(`${failure(run.stdout).code} ${failure(run.stdout).message}`, expected);
    assert.equal((await list()).length, before);
  };

  test('a file that is not GGUF is refused before anything starts', async () => {
    writeFileSync(broken('garbage'), 'this is not a model, whatever its name says');
    await refused('garbage', /^MODEL_FORMAT_UNSUPPORTED /);
  });

  test('a truncated model is diagnosed, and no worker is left', async () => {
    copyFileSync(demoModel, broken('truncated'));
    truncateSync(broken('truncated'), Math.floor(readFileSync(demoModel).length * 0.7));
    await refused('truncated', /^WORKER_FAILED .*(incomplete|truncated|cut)/);
  });

  test('a model with garbage after its magic is diagnosed, and no worker is left', async () => {
    writeFileSync(broken('after-magic'), Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(4096, 0xab)]));
    await refused('after-magic', /^WORKER_FAILED /);
  });
});

test('in the end the only processes of the home are the queen and its ready workers', async () => {
  const workers = await list();
  const { pid } = await home.json(['queen', 'status']);
  await until(() => home.processes().length === workers.filter((worker: { pid: number }) => worker.pid).length + 1);
  assert.ok(home.processes().includes(pid));
});
