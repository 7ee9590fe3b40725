/** Promises of the builtin engine only. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import fc from 'fast-check';
import { resolveType } from '../../../core/conformance/index.ts';
import { bertDimensions, bertModel } from '../demo/bert-model.ts';
import { chainModel } from '../demo/chain-model.ts';
import { demoSentence } from '../demo/sentence.ts';
import type from '../index.ts';
import { validatorOf } from './json-schema-validator.ts';
import { randomSchema } from './random-schemas.ts';
import { builtin, launchWorker, readEvents, startWorker, until, type Worker } from './worker.ts';

const plugin = resolveType(type);

const folder = mkdtempSync(join(tmpdir(), 'rbee-builtin-'));
const write = (name: string, bytes: Buffer | string) => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const demo = write('demo.gguf', chainModel());
const endless = write('endless.gguf', chainModel({ endless: true }));
const bert = write('bert.gguf', bertModel());
after(() => rmSync(folder, { recursive: true, force: true }));

interface Body {
  error?: { message: string; type: string; param: string | null; code: string | null };
  choices?: { message?: { content: string }; text?: string; delta?: { content?: string }; finish_reason?: string }[];
  data?: { embedding: number[] | string; index: number }[];
  usage?: Record<string, number>;
}

describe('the builtin engine', () => {
  let worker: Worker;
  before(async () => {
    worker = await startWorker(builtin, { model: demo, options: { context: 1024, slots: 2, queue_limit: 1 } });
  });
  after(() => worker?.end());

  const post = async (path: string, body: unknown) => {
    const response = await worker.fetch(path, body);
    return { status: response.status, body: (await response.json()) as Body };
  };
  const messages = [{ role: 'user', content: 'Hi' }];

  it('answers bad requests with 400 and the wrong field', async () => {
    const wrong: [unknown, string | null][] = [
      ['{"messages": [', null],
      ['[]', null],
      [{ messages: 'hello' }, 'messages'],
      [{ messages: [] }, 'messages'],
      [{ messages: [{ content: 'no role' }] }, 'messages[0].role'],
      [{ messages, temperature: 'hot' }, 'temperature'],
      [{ messages, max_tokens: 0 }, 'max_tokens'],
      [{ messages, n: 2 }, 'n'],
      [{ messages, tools: [{ type: 'function' }] }, 'tools'],
      [{ messages, logprobs: true }, 'logprobs'],
      [{ messages, guided_json: { type: 'object' } }, 'guided_json'],
      [{ messages, mirostat: 2 }, 'mirostat'],
      [{ messages, stop: [5] }, 'stop[0]'],
      [{ messages: [{ role: 'user', content: 5 }] }, 'messages[0].content'],
      [{ messages: [{ role: 'user', content: [{ text: 'Hi' }] }] }, 'messages[0].content[0].type'],
      [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 'messages[0].content'],
    ];
    for (const [body, param] of wrong) {
      const { status, body: answer } = await post('/v1/chat/completions', body);
      assert.equal(status, 400, JSON.stringify(body));
      assert.equal(answer.error?.type, 'invalid_request_error');
      assert.equal(answer.error?.param, param, JSON.stringify(body));
      assert.ok(answer.error?.message);
    }
  });

  it('names the types of a field that has several', async () => {
    const content = await post('/v1/chat/completions', { messages: [{ role: 'user', content: 5 }] });
    assert.equal(content.body.error?.message, 'messages[0].content must be string or array');
    const stop = await post('/v1/chat/completions', { messages, stop: 5 });
    assert.equal(stop.body.error?.message, 'stop must be string or array');
  });

  it('gives the reason if a prompt is too long', async () => {
    const { status, body } = await post('/v1/completions', { prompt: 'x'.repeat(1100) });
    assert.equal(status, 400);
    assert.deepEqual([body.error?.code, body.error?.param], ['context_length_exceeded', 'prompt']);
    assert.match(body.error?.message ?? '', /1101 tokens/);
  });

  it('accepts each name of its model, and no other', async () => {
    assert.equal((await post('/v1/completions', { model: 'DEMO:latest', prompt: 'a' })).status, 200);
    const { status, body } = await post('/v1/completions', { model: 'gpt-5', prompt: 'a' });
    assert.equal(status, 404);
    assert.equal(body.error?.code, 'model_not_found');
    assert.equal((await worker.fetch('/v1/models/demo')).status, 200);
    assert.equal((await worker.fetch('/v1/models/other')).status, 404);
    assert.equal((await worker.fetch('/v1/nothing', {})).status, 404);
  });

  it('ignores unknown fields, and treats null as the default', async () => {
    const more = { user: 'me', metadata: { a: 1 }, temperature: null, stop: null, max_tokens: null, tools: [] };
    const neutral = { typical_p: 1, top_n_sigma: -1, best_of: 1, repeat_last_n: -1, repeat_penalty: 1.1, mirostat: 0 };
    const { body } = await post('/v1/chat/completions', { messages, ...more, ...neutral });
    assert.equal(body.choices?.[0]?.message?.content, demoSentence);
  });

  it('accepts content in parts, and the developer role as system', async () => {
    const parts = [
      { role: 'developer', content: 'Be kind.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Hi' },
          { type: 'text', text: 'there' },
        ],
      },
    ];
    const plain = [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Hi\nthere' },
    ];
    const [one, two] = await Promise.all(
      [parts, plain].map((given) => post('/v1/chat/completions', { messages: given })),
    );
    assert.equal(one?.body.usage?.['prompt_tokens'], two?.body.usage?.['prompt_tokens']);
  });

  it('completes several prompts, as text and as tokens', async () => {
    const { body } = await post('/v1/completions', { prompt: ['Once', [1, 120]], max_tokens: 2 });
    assert.deepEqual(
      body.choices?.map(({ text }) => text),
      ['Hello from', 'Hello from'],
    );
    assert.equal(body.usage?.['completion_tokens'], 4);
    assert.equal((await post('/v1/completions', { prompt: [999_999] })).status, 400);
  });

  const answerBy = async (schema: object, seed: number) => {
    const { status, body } = await post('/v1/chat/completions', {
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
      max_tokens: 300,
      seed,
    });
    const choice = body.choices?.[0];
    return {
      status,
      error: body.error,
      text: choice?.message?.content ?? '',
      finished: choice?.finish_reason === 'stop',
    };
  };

  // "integer" once gave 5288e26, and "definitions", "allOf", "minimum" and "pattern" gave invalid values.
  it('follows a JSON schema', async () => {
    const schema = {
      type: 'object',
      properties: {
        whole: { type: 'integer' },
        age: { allOf: [{ $ref: '#/definitions/age' }] },
        copy: { $ref: '#/properties/age' },
        code: { type: 'string', pattern: '^[A-Z]{3}-\\d{2}$' },
      },
      required: ['whole', 'age', 'copy', 'code'],
      definitions: { age: { type: 'integer', minimum: 18, maximum: 99 } },
    };
    for (let seed = 1; seed <= 3; seed += 1) {
      const { text, finished } = await answerBy(schema, seed);
      assert.ok(finished, text);
      const { whole, age, copy, code } = JSON.parse(text);
      assert.match(text, /"whole":\s*(0|-?[1-9]\d{0,14})[,\s]/);
      assert.ok(Number.isSafeInteger(whole) && age >= 18 && age <= 99 && copy >= 18 && copy <= 99, text);
      assert.match(code, /^[A-Z]{3}-\d{2}$/);
    }
  });

  it('names the unsupported keyword of a JSON schema', async () => {
    const schema = { type: 'object', properties: { tags: { type: 'array', uniqueItems: true } } };
    const { status, error } = await answerBy(schema, 1);
    assert.equal(status, 400);
    assert.equal(error?.param, 'response_format');
    assert.equal(error?.code, 'unsupported_json_schema');
    assert.match(error?.message ?? '', /"uniqueItems" is not supported \(at #\/properties\/tags\/uniqueItems\)/);
  });

  it('answers random JSON schemas with valid values', async (context) => {
    const seed = Number(process.env['RBEE_TEST_SEED'] ?? 2020_12);
    const wanted = process.env['RBEE_TEST_SCALE'] === 'full' ? 300 : 20;
    context.diagnostic(`seed ${seed}`);
    let finished = 0;
    for (const schema of fc.sample(randomSchema, { seed, numRuns: wanted * 2 })) {
      const answer = await answerBy(schema, seed);
      if (answer.status === 400) assert.match(answer.error?.message ?? '', /\(at #.*\)$/);
      // A text that reached the token limit is not finished.
      if (!answer.finished) continue;
      finished += 1;
      const validate = validatorOf(schema);
      assert.ok(validate(JSON.parse(answer.text)), `${answer.text} is not valid by ${JSON.stringify(schema)}`);
    }
    assert.ok(finished >= wanted / 2, `${finished} answers were finished`);
  });

  it('answers with any JSON object without a schema', async () => {
    const { body } = await post('/v1/completions', {
      prompt: 'a',
      response_format: { type: 'json_object' },
      max_tokens: 900,
      seed: 3,
    });
    assert.match(body.choices?.[0]?.text ?? '', /^\{/);
  });

  it('obeys logit_bias and penalties', async () => {
    const plain = await post('/v1/completions', { prompt: 'a', max_tokens: 1 });
    assert.equal(plain.body.choices?.[0]?.text, 'Hello');
    const first = 3 + 256 + 2 + 1 + 94;
    const biased = await post('/v1/completions', { prompt: 'a', max_tokens: 1, logit_bias: { [first]: -100 } });
    assert.notEqual(biased.body.choices?.[0]?.text, 'Hello');
    const penalized = await post('/v1/completions', { prompt: 'a', repeat_penalty: 1.2, frequency_penalty: 0.5 });
    assert.equal(penalized.body.choices?.[0]?.text, demoSentence);
  });

  it('also returns embeddings of a chat model, on demand', async () => {
    const { body } = await post('/v1/embeddings', { input: 'hello' });
    assert.equal(body.data?.[0]?.embedding.length, 64);
  });

  it("serves rbee's and llama.cpp's metrics", async () => {
    const text = await (await worker.fetch('/metrics')).text();
    for (const name of ['rbee_requests_running 0', 'llamacpp:requests_processing 0', 'llamacpp:requests_deferred 0']) {
      assert.ok(text.includes(name), name);
    }
    assert.match(text, /rbee_requests_total\{path="\/v1\/completions",status="200"\} [1-9]/);
    assert.match(text, /rbee_tokens_generated_total [1-9]/);
  });
});

describe('the builtin engine with an endless answer', { skip: atFullScale }, () => {
  const workers: Worker[] = [];
  const start = async () => {
    const worker = await startWorker(builtin, {
      model: endless,
      options: { slots: 1, queue_limit: 1, context: 65_536 },
    });
    workers.push(worker);
    return worker;
  };
  after(() => Promise.all(workers.map((worker) => worker.end())));

  it('refuses requests with 429 if its queue is full', async () => {
    const worker = await start();
    const leaving = new AbortController();
    const ask = () => worker.fetch('/v1/completions', { prompt: 'a' }, { signal: leaving.signal });
    const held = [ask()];
    await until(async () => (await worker.load()).running === 1);
    held.push(ask());
    await until(async () => (await worker.load()).waiting === 1);
    const refused = await ask();
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get('retry-after'), '1');
    leaving.abort();
    await Promise.allSettled(held);
  });

  it('drains on SIGTERM: finishes running requests, refuses new ones, and exits with 0', async () => {
    const worker = await start();
    const running = worker.fetch('/v1/completions', { prompt: 'a', stream: true, max_tokens: 1500 });
    await until(async () => (await worker.load()).running === 1);
    worker.child.kill('SIGTERM');
    await until(() => worker.log.some((line) => line.includes('draining')));
    const late = await worker.fetch('/v1/completions', { prompt: 'a' });
    assert.equal(late.status, 503);
    assert.equal(late.headers.get('retry-after'), '1');
    const events = await readEvents(await running);
    assert.equal(events.length, 1500 + 2);
    assert.equal(events.at(-1), '[DONE]');
    assert.deepEqual(await worker.ended, { code: 0, signal: null });
  });
});

describe('the builtin engine with an embedding model', () => {
  let worker: Worker;
  before(async () => {
    worker = await startWorker(builtin, { model: bert, names: ['bert'] });
  });
  after(() => worker?.end());
  const embed = async (body: object) => (await (await worker.fetch('/v1/embeddings', body)).json()) as Body;

  it('returns unit vectors, the same for the same text', async () => {
    const { data, usage } = await embed({ input: ['a b', 'c', 'a b'] });
    const [one, two, three] = (data ?? []).map(({ embedding }) => embedding as number[]);
    assert.equal(one?.length, bertDimensions);
    assert.ok(Math.abs(Math.hypot(...(one ?? [])) - 1) < 1e-6);
    assert.deepEqual(one, three);
    assert.notDeepEqual(one, two);
    assert.equal(usage?.['prompt_tokens'], 4 + 3 + 4);
  });

  it('returns the same numbers in base64', async () => {
    const plain = (await embed({ input: 'hello' })).data?.[0]?.embedding as number[];
    const coded = (await embed({ input: 'hello', encoding_format: 'base64' })).data?.[0]?.embedding as string;
    const bytes = Buffer.from(coded, 'base64');
    assert.equal(bytes.length, plain.length * 4);
    plain.forEach((value, index) => {
      assert.ok(Math.abs(bytes.readFloatLE(index * 4) - value) < 1e-6);
    });
  });

  it('accepts tokens, and refuses empty or too long input', async () => {
    assert.equal((await embed({ input: [[5, 7], [6]] })).data?.length, 2);
    assert.equal((await embed({ input: '' })).error?.type, 'invalid_request_error');
    assert.equal((await embed({ input: 'a '.repeat(300) })).error?.code, 'context_length_exceeded');
    assert.equal((await embed({ input: 'a', dimensions: 3 })).error?.param, 'dimensions');
  });

  it('refuses chats with a reason', async () => {
    const response = await worker.fetch('/v1/completions', { prompt: 'a' });
    assert.equal(response.status, 400);
    assert.match(((await response.json()) as Body).error?.message ?? '', /only returns embeddings/);
  });
});

describe('the builtin engine that cannot start', { skip: atFullScale }, () => {
  const twice = Buffer.from(chainModel());
  // The token "!" becomes a second "#".
  twice[twice.indexOf(Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('!')])) + 8] = '#'.charCodeAt(
    0,
  );
  const unknown = Buffer.from(chainModel());
  const huge = Buffer.from(chainModel());
  const layers = 'llama.block_count';
  huge.writeUInt32LE(1_000_000, huge.indexOf(layers) + layers.length + 4);
  for (let at = unknown.indexOf('llama'); at !== -1 && at < 3000; at = unknown.indexOf('llama', at + 1))
    unknown.write('zlama', at);

  const cases: {
    title: string;
    model: string;
    options?: Record<string, unknown>;
    code: number;
    cause: string;
    says: RegExp;
  }[] = [
    {
      title: 'a missing file',
      model: join(folder, 'none.gguf'),
      code: 66,
      cause: 'missing_model',
      says: /none\.gguf does not exist/,
    },
    { title: 'a folder', model: folder, code: 66, cause: 'missing_model', says: /is a folder/ },
    {
      title: 'garbage',
      model: write('garbage.gguf', 'garbage'),
      code: 65,
      cause: 'bad_model',
      says: /begins with "garb"/,
    },
    {
      title: 'an empty file',
      model: write('empty.gguf', ''),
      code: 65,
      cause: 'bad_model',
      says: /"GGUF" is expected/,
    },
    {
      title: 'garbage after the right magic',
      model: write('magic.gguf', `GGUF${'\x03\0\0\0'}${'z'.repeat(500)}`),
      code: 65,
      cause: 'bad_model',
      says: /damaged/,
    },
    {
      title: 'a vocabulary with a token twice',
      model: write('twice.gguf', twice),
      code: 65,
      cause: 'bad_model',
      says: /contains the token "#" twice/,
    },
    {
      title: 'an unknown architecture',
      model: write('unknown.gguf', unknown),
      code: 65,
      cause: 'unsupported_model',
      says: /zlama/,
    },
    {
      title: 'a context that no machine has the memory for',
      model: write('huge.gguf', huge),
      options: { context: 4096, slots: 256 },
      code: 71,
      cause: 'out_of_memory',
      says: /GiB of memory/,
    },
    {
      title: 'a chat template that does not parse',
      model: demo,
      options: { chat_template: '{% if %}' },
      code: 64,
      cause: 'bad_option',
      says: /option chat_template cannot be read/,
    },
    // Both were once diagnosed as out of memory.
    {
      title: 'keys in a format that the model is too small for',
      model: demo,
      options: { cache_type_k: 'q8_0' },
      code: 64,
      cause: 'bad_option',
      says: /^cache_type_k=q8_0 does not fit this model/,
    },
    {
      title: 'quantized values without flash attention',
      model: demo,
      options: { cache_type_v: 'q8_0', flash_attention: 'off' },
      code: 64,
      cause: 'bad_option',
      says: /cache_type_v needs flash attention/,
    },
  ];
  for (const { title, model, options, code, cause, says } of cases) {
    it(`says so, with exit code ${code}: ${title}`, async () => {
      const worker = await launchWorker(builtin, { model, options });
      const failure = await worker.failure(false);
      assert.equal(failure.exit?.code, code, failure.log.join('\n'));
      const diagnosis = plugin.diagnose(failure);
      assert.equal(diagnosis?.cause, cause);
      assert.match(diagnosis?.message ?? '', says);
      assert.ok(diagnosis?.hint);
    });
  }
});
