/**
 * Unmodified clients at the gateway, with real engines on the demo models. Each test group covers all that its client can do:
 * `@langchain/openai` and `@ai-sdk/openai-compatible` support neither audio nor listing models.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createOpenAICompatible, type OpenAICompatibleProvider } from '@ai-sdk/openai-compatible';
import { ContextOverflowError } from '@langchain/core/errors';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool as langchainTool } from '@langchain/core/tools';
import { ChatOpenAI, DallEAPIWrapper, OpenAI as LangChainCompletion, OpenAIEmbeddings } from '@langchain/openai';
import { APICallError, embedMany, generateImage, generateText, isStepCount, streamText, tool } from 'ai';
import OpenAI, { toFile } from 'openai';
import { zodFunction } from 'openai/helpers/zod';
import sharp from 'sharp';
import { z } from 'zod';
import { demoSentence } from '../../plugins/worker-llamacpp/demo/sentence.ts';
import { heardSentence } from '../../plugins/worker-whisper/demo/sentence.ts';
import { toneWav } from '../../plugins/worker-whisper/test/sounds.ts';
import { type ClientFleet, longPrompt, models, startFleet, wrongKey } from './fleet.ts';

// Without this, ai warns about tools with every completion, even one without tools.
globalThis.AI_SDK_LOG_WARNINGS = false;

let fleet: ClientFleet;
before(async () => {
  fleet = await startFleet();
});
after(() => fleet?.home.close());

type APIError = InstanceType<typeof OpenAI.APIError>;

const answer = demoSentence.trim();
const question = 'How is the weather in Oslo and in Bergen?';
const weather = ({ city }: { city: string }) => `${city}: rain`;
const weatherSchema = z.object({ city: z.string() });
const report = 'Oslo: rain and Bergen: rain';
const vectorLength = 64;

const checkVectors = (vectors: readonly (readonly number[])[]) => {
  assert.deepEqual(
    vectors.map(({ length }) => length),
    [vectorLength, vectorLength],
  );
  for (const vector of vectors) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-3, 'it is a unit vector');
};

const checkImage = async (image: Uint8Array) => {
  const { format, width, height } = await sharp(image).metadata();
  assert.deepEqual([format, width, height], ['png', 64, 64]);
};

/** A key that has used up its requests for this minute. */
const spentKey = async (): Promise<string> => {
  const key = await fleet.createKey({ requestsPerMinute: 1 });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ model: models.embedding, input: 'a' });
  const response = await fetch(`${fleet.baseURL}/embeddings`, { method: 'POST', headers, body });
  assert.equal(response.status, 200, await response.text());
  return key;
};

const checkRetryAfter = (value: string | null | undefined) => {
  const seconds = Number(value);
  assert.ok(seconds >= 1 && seconds <= 60, `retry-after: ${value}`);
};

describe('openai', () => {
  const client = (apiKey = fleet.key) => new OpenAI({ baseURL: fleet.baseURL, apiKey, maxRetries: 0 });
  const chat = { model: models.chat, messages: [{ role: 'user' as const, content: 'Who are you?' }] };

  test('chat, streamed chat and completions', async () => {
    const whole = await client().chat.completions.create(chat);
    assert.equal(whole.choices[0]?.message.content?.trim(), answer);
    const stream = client().chat.completions.stream({ ...chat, stream_options: { include_usage: true } });
    const pieces: string[] = [];
    stream.on('content', (piece) => pieces.push(piece));
    assert.equal((await stream.finalContent())?.trim(), answer);
    assert.ok(pieces.length > 3);
    assert.ok((await stream.totalUsage()).completion_tokens > 10);
    const plain = await client().completions.create({ model: models.chat, prompt: 'So?', max_tokens: 4 });
    assert.equal(plain.usage?.completion_tokens, 4);
  });

  test('tools, whole and streamed', async () => {
    const tools = {
      model: models.tools,
      messages: [{ role: 'user' as const, content: question }],
      tools: [zodFunction({ name: 'weather', parameters: weatherSchema, function: weather })],
    };
    assert.equal(await client().chat.completions.runTools(tools).finalContent(), report);
    assert.equal(
      await client()
        .chat.completions.runTools({ ...tools, stream: true })
        .finalContent(),
      report,
    );
  });

  test('embeddings', async () => {
    const input = ['one', 'two'];
    const { data } = await client().embeddings.create({ model: models.embedding, input });
    checkVectors(data.map(({ embedding }) => embedding));
  });

  test('transcriptions', async () => {
    const file = await toFile(toneWav(2), 'talk.wav');
    assert.equal((await client().audio.transcriptions.create({ model: models.audio, file })).text, heardSentence);
  });

  test('images', async () => {
    const { data } = await client().images.generate({ model: models.image, prompt: 'a house', size: '64x64' as never });
    await checkImage(Buffer.from(data?.[0]?.b64_json ?? '', 'base64'));
  });

  test('the list of models', async () => {
    const ids: string[] = [];
    for await (const { id } of client().models.list()) ids.push(id);
    assert.deepEqual(ids.sort(), [...new Set(Object.values(models))].sort());
    assert.equal((await client().models.retrieve(models.chat)).id, models.chat);
  });

  test('errors have its own classes', async () => {
    const fails = async (asked: Promise<unknown>, kind: new (...args: never[]) => APIError, code: string) => {
      const error = await asked.then(
        () => assert.fail(`${code} was expected`),
        (error: unknown) => error,
      );
      assert.ok(error instanceof kind, String(error));
      assert.equal(error.code, code);
      return error;
    };
    await fails(client(wrongKey).models.list(), OpenAI.AuthenticationError, 'invalid_api_key');
    const spent = client(await spentKey()).chat.completions.create(chat);
    const limited = await fails(spent, OpenAI.RateLimitError, 'rate_limit_exceeded');
    checkRetryAfter(limited.headers?.get('retry-after'));
    const messages = [{ role: 'user' as const, content: longPrompt }];
    for (const stream of [false, true]) {
      const long = client().chat.completions.create({ ...chat, messages, stream });
      const refused = await fails(long, OpenAI.BadRequestError, 'context_length_exceeded');
      assert.equal(refused.param, 'messages');
    }
    const unknown = client().chat.completions.create({ ...chat, model: 'demos' });
    assert.match((await fails(unknown, OpenAI.NotFoundError, 'model_not_found')).message, /did you mean demo/);
  });

  test('an error in the middle of a stream', async () => {
    const pieces: string[] = [];
    await assert.rejects(
      async () => {
        const stream = await client().chat.completions.create({ ...chat, model: models.tools, stream: true });
        for await (const { choices } of stream) pieces.push(choices[0]?.delta.content ?? '');
      },
      (error) => error instanceof OpenAI.APIError && error.code === 'out_of_memory' && /CUDA/.test(error.message),
    );
    assert.deepEqual(pieces, ['It is']);
  });
});

describe('@langchain/openai', () => {
  const settings = (apiKey = fleet.key) => ({ apiKey, maxRetries: 0, configuration: { baseURL: fleet.baseURL } });
  const chat = (apiKey?: string, model: string = models.chat) => new ChatOpenAI({ model, ...settings(apiKey) });

  test('chat, streamed chat and completions', async () => {
    const whole = await chat().invoke('Who are you?');
    assert.equal(whole.text.trim(), answer);
    assert.ok((whole.usage_metadata?.output_tokens ?? 0) > 10);
    const pieces: string[] = [];
    for await (const piece of await chat().stream('Who are you?')) pieces.push(piece.text);
    assert.equal(pieces.join('').trim(), answer);
    assert.ok(pieces.length > 3);
    const plain = new LangChainCompletion({ model: models.chat, maxTokens: 4, ...settings() });
    assert.ok((await plain.invoke('So?')).length > 0);
  });

  test('tools, whole and streamed', async () => {
    const tool = langchainTool(async (input: { city: string }) => weather(input), {
      name: 'weather',
      description: 'The weather of a city',
      schema: weatherSchema,
    });
    const caller = chat(undefined, models.tools).bindTools([tool]);
    const asked = new HumanMessage(question);
    let streamed: Awaited<ReturnType<typeof caller.invoke>> | undefined;
    for await (const piece of await caller.stream([asked])) streamed = streamed?.concat(piece) ?? piece;
    for (const called of [await caller.invoke([asked]), streamed]) {
      assert.ok(called);
      const results = await Promise.all((called.tool_calls ?? []).map((call) => tool.invoke(call)));
      assert.ok(results.length === 2 && results.every((result) => result instanceof ToolMessage));
      assert.equal((await caller.invoke([asked, called, ...results])).text, report);
    }
  });

  test('embeddings', async () => {
    const embeddings = new OpenAIEmbeddings({ model: models.embedding, ...settings() });
    checkVectors(await embeddings.embedDocuments(['one', 'two']));
  });

  test('images', async () => {
    const painter = new DallEAPIWrapper({
      model: models.image,
      size: '64x64' as never,
      dallEResponseFormat: 'b64_json',
      apiKey: fleet.key,
      baseUrl: fleet.baseURL,
    });
    await checkImage(Buffer.from(await painter.invoke('a house'), 'base64'));
  });

  test('errors have its own classes and codes', async () => {
    await assert.rejects(chat(wrongKey).invoke('Hi'), { lc_error_code: 'MODEL_AUTHENTICATION', status: 401 });
    await assert.rejects(chat(await spentKey()).invoke('Hi'), (error: APIError) => {
      assert.equal((error as { lc_error_code?: string }).lc_error_code, 'MODEL_RATE_LIMIT');
      checkRetryAfter(error.headers?.get('retry-after'));
      return true;
    });
    for (const ask of [() => chat().invoke(longPrompt), () => chat().stream(longPrompt)])
      await assert.rejects(ask, (error) => ContextOverflowError.isInstance(error));
    await assert.rejects(chat(undefined, 'demos').invoke('Hi'), { lc_error_code: 'MODEL_NOT_FOUND', status: 404 });
  });

  test('an error in the middle of a stream', async () => {
    const pieces: string[] = [];
    await assert.rejects(async () => {
      for await (const { text } of await chat(undefined, models.tools).stream('Hi')) pieces.push(text);
    }, /CUDA out of memory/);
    assert.equal(pieces.join(''), 'It is');
  });
});

describe('ai with @ai-sdk/openai-compatible', () => {
  const provider = (apiKey = fleet.key): OpenAICompatibleProvider =>
    createOpenAICompatible({ name: 'rbee', baseURL: fleet.baseURL, apiKey, includeUsage: true });
  const chat = (apiKey?: string, model: string = models.chat) => ({ model: provider(apiKey)(model), maxRetries: 0 });

  test('chat, streamed chat and completions', async () => {
    const whole = await generateText({ ...chat(), prompt: 'Who are you?' });
    assert.equal(whole.text.trim(), answer);
    const stream = streamText({ ...chat(), prompt: 'Who are you?' });
    const pieces: string[] = [];
    for await (const piece of stream.textStream) pieces.push(piece);
    assert.equal(pieces.join('').trim(), answer);
    assert.ok(pieces.length > 3);
    assert.ok(((await stream.usage).outputTokens ?? 0) > 10);
    const model = provider().completionModel(models.chat);
    const plain = await generateText({ model, maxRetries: 0, prompt: 'So?', maxOutputTokens: 4 });
    assert.equal(plain.finishReason, 'length');
  });

  test('tools, whole and streamed', async () => {
    const request = {
      ...chat(undefined, models.tools),
      prompt: question,
      tools: { weather: tool({ inputSchema: weatherSchema, execute: weather }) },
      stopWhen: isStepCount(2),
    };
    assert.equal((await generateText(request)).text, report);
    assert.equal(await streamText(request).text, report);
  });

  test('embeddings', async () => {
    const model = provider().embeddingModel(models.embedding);
    checkVectors((await embedMany({ model, values: ['one', 'two'], maxRetries: 0 })).embeddings);
  });

  test('images', async () => {
    const model = provider().imageModel(models.image);
    const { image } = await generateImage({ model, prompt: 'a house', size: '64x64', maxRetries: 0 });
    await checkImage(image.uint8Array);
  });

  test('errors have its own class', async () => {
    const fails = async (asked: Promise<unknown>, status: number, code: string) => {
      const error = await asked.then(
        () => assert.fail(`${code} was expected`),
        (error: unknown) => error,
      );
      assert.ok(APICallError.isInstance(error), String(error));
      const { error: told } = error.data as { error: { code: string; message: string } };
      assert.deepEqual([error.statusCode, told.code, error.message], [status, code, told.message]);
      return error;
    };
    await fails(generateText({ ...chat(wrongKey), prompt: 'Hi' }), 401, 'invalid_api_key');
    const spent = generateText({ ...chat(await spentKey()), prompt: 'Hi' });
    const limited = await fails(spent, 429, 'rate_limit_exceeded');
    assert.ok(limited.isRetryable);
    checkRetryAfter(limited.responseHeaders?.['retry-after']);
    const long = await fails(generateText({ ...chat(), prompt: longPrompt }), 400, 'context_length_exceeded');
    assert.ok(!long.isRetryable);
    await fails(generateText({ ...chat(undefined, 'demos'), prompt: 'Hi' }), 404, 'model_not_found');
  });

  test('an error in the middle of a stream', async () => {
    const seen: string[] = [];
    const { stream } = streamText({ ...chat(undefined, models.tools), prompt: 'Hi', onError: () => {} });
    for await (const part of stream) {
      if (part.type === 'text-delta') seen.push(part.text);
      if (part.type === 'error') seen.push(JSON.stringify(part.error));
    }
    assert.match(seen.join(' '), /^It is .*CUDA out of memory/);
  });
});
