/** Common behaviour, tested on the builtin engine, llama-server's stand-in, and llama-server if available. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import { resolveType } from '../../../core/conformance/index.ts';
import { chainModel } from '../demo/chain-model.ts';
import { demoSentence } from '../demo/sentence.ts';
import type from '../index.ts';
import { builtin, type Engine, launchWorker, readEvents, standIn, startWorker, until, type Worker } from './worker.ts';

const plugin = resolveType(type);

interface Answer {
  choices: {
    message?: { content: string };
    delta?: { role?: string; content?: string | null };
    text?: string;
    finish_reason: string | null;
  }[];
  usage?: Record<string, number>;
  error?: { message: string };
}

const real = process.env['RBEE_LLAMA_SERVER'];
const llamaServer: Engine = { name: 'llama-server', id: 'llama-server', argv: [real ?? ''] };

const folder = mkdtempSync(join(tmpdir(), 'rbee-llamacpp-'));
const demo = join(folder, 'demo.gguf');
const endless = join(folder, 'endless.gguf');
writeFileSync(demo, chainModel());
writeFileSync(endless, chainModel({ endless: true }));
after(() => rmSync(folder, { recursive: true, force: true }));

const hi = [{ role: 'user', content: 'Hi there.' }];

// RBEE_LLAMA_SERVER adds a real llama-server (`npm run llama-server:build` makes one); the stand-in is always tested.
for (const engine of real ? [builtin, standIn, llamaServer] : [builtin, standIn]) {
  describe(`a worker on ${engine.name}`, () => {
    let worker: Worker;
    before(async () => {
      worker = await startWorker(engine, { model: demo, options: { context: 1024, slots: 4 } });
    });
    after(() => worker?.end());

    const chat = async (more: object = {}) => {
      const response = await worker.fetch('/v1/chat/completions', {
        model: 'demo',
        messages: hi,
        temperature: 0,
        ...more,
      });
      return (await response.json()) as Answer;
    };

    it('serves health to everyone, and the rest only with the API key', async () => {
      assert.equal((await fetch(`${worker.url}/health`)).status, 200);
      for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
        assert.equal((await fetch(`${worker.url}/v1/models`, { headers })).status, 401);
        const init = {
          method: 'POST',
          body: '{"prompt":"a"}',
          headers: { ...headers, 'content-type': 'application/json' },
        };
        assert.equal((await fetch(`${worker.url}/v1/completions`, init)).status, 401);
      }
    });

    it('lists the model under its first name', async () => {
      const { data } = (await (await worker.fetch('/v1/models')).json()) as {
        data: { id: string; aliases: string[] }[];
      };
      assert.equal(data.length, 1);
      assert.equal(data[0]?.id, 'demo');
      assert.deepEqual([...(data[0]?.aliases ?? [])].sort(), ['demo', 'demo:latest']);
    });

    it('says the exact sentence, with exact counts', async () => {
      const { choices, usage } = await chat();
      assert.equal(choices[0]?.message?.content, demoSentence);
      assert.equal(choices[0]?.finish_reason, 'stop');
      assert.deepEqual([usage?.['prompt_tokens'], usage?.['completion_tokens'], usage?.['total_tokens']], [29, 19, 48]);
    });

    it('says the same at a high temperature, with and without a seed', async () => {
      for (const more of [{ temperature: 1.5 }, { temperature: 1, seed: 7, top_p: 0.9 }]) {
        assert.equal((await chat(more)).choices[0]?.message?.content, demoSentence);
      }
    });

    it('streams token by token, and ends with usage and [DONE]', async () => {
      const body = { model: 'demo', messages: hi, stream: true, stream_options: { include_usage: true } };
      const response = await worker.fetch('/v1/chat/completions', body);
      assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
      const events = await readEvents(response);
      assert.equal(events.pop(), '[DONE]');
      const chunks = events as Answer[];
      assert.equal(chunks[0]?.choices[0]?.delta?.role, 'assistant');
      const pieces = chunks.map(({ choices }) => choices[0]?.delta?.content).filter(Boolean);
      assert.equal(pieces.join(''), demoSentence);
      assert.ok(pieces.length >= 18);
      assert.equal(chunks.at(-1)?.usage?.['completion_tokens'], 19);
      assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, 'stop');
    });

    it('completes a text without a template, streamed and not', async () => {
      const whole = (await (await worker.fetch('/v1/completions', { prompt: 'Once' })).json()) as Answer;
      assert.equal(whole.choices[0]?.text, demoSentence);
      assert.equal(whole.usage?.['prompt_tokens'], 5);
      const events = await readEvents(await worker.fetch('/v1/completions', { prompt: 'Once', stream: true }));
      assert.equal(events.pop(), '[DONE]');
      assert.equal((events as Answer[]).map(({ choices }) => choices[0]?.text ?? '').join(''), demoSentence);
    });

    it('stops before a stop string that is spread over tokens', async () => {
      const { choices } = await chat({ stop: ['made by'] });
      assert.equal(choices[0]?.message?.content, 'Hello from rbee. This answer was ');
      assert.equal(choices[0]?.finish_reason, 'stop');
      const events = await readEvents(
        await worker.fetch('/v1/chat/completions', { messages: hi, stop: 'answer', stream: true }),
      );
      const said = (events.slice(0, -1) as Answer[]).map((event) => event.choices[0]?.delta?.content ?? '').join('');
      assert.equal(said, 'Hello from rbee. This ');
    });

    it('ends at max_tokens, and says so', async () => {
      const { choices, usage } = await chat({ max_tokens: 3 });
      assert.equal(choices[0]?.message?.content, 'Hello from rbee.');
      assert.equal(choices[0]?.finish_reason, 'length');
      assert.equal(usage?.['completion_tokens'], 3);
    });

    it('takes what web interfaces send for no limit, and for no stop string', async () => {
      for (const more of [{ max_tokens: -1 }, { max_tokens: -1, top_k: -1 }, { stop: [''] }, { stop: '' }]) {
        const { choices } = await chat(more);
        assert.equal(choices[0]?.message?.content, demoSentence, JSON.stringify(more));
        assert.equal(choices[0]?.finish_reason, 'stop');
      }
    });

    it('answers four requests at once, each completely', async () => {
      const answers = await Promise.all(Array.from({ length: 4 }, () => chat()));
      assert.deepEqual(
        answers.map(({ choices }) => choices[0]?.message?.content),
        Array.from({ length: 4 }, () => demoSentence),
      );
    });

    it('answers more requests than it has slots', async () => {
      const answers = await Promise.all(Array.from({ length: 12 }, () => chat()));
      const said = answers.map((answer) => answer.choices?.[0]?.message?.content ?? answer);
      assert.deepEqual(said, Array(12).fill(demoSentence));
    });

    it('refuses a prompt that is longer than the context of a slot', async () => {
      const response = await worker.fetch('/v1/completions', { prompt: 'x'.repeat(1500) });
      assert.equal(response.status, 400);
      assert.match(((await response.json()) as Answer).error?.message ?? '', /context/);
    });

    it('refuses a chat without messages', async () => {
      const response = await worker.fetch('/v1/chat/completions', { model: 'demo' });
      assert.equal(response.status, 400);
      assert.match(((await response.json()) as Answer).error?.message ?? '', /messages/);
    });
  });

  describe(`a worker on ${engine.name} with an endless answer`, () => {
    const workers: Worker[] = [];
    const start = async (more: object = {}) => {
      const worker = await startWorker(engine, { model: endless, options: { context: 65_536, slots: 1 }, ...more });
      workers.push(worker);
      return worker;
    };
    after(() => Promise.all(workers.map((worker) => worker.end())));

    // For an unstreamed answer, llama-server notices a disconnect only after a second without any other result, and each read
    // of its metrics is a result.
    const pauseMs = engine === llamaServer ? 1500 : 20;

    it('frees the slot when a client disconnects, streaming or not, and shows waiting requests', async () => {
      const worker = await start({ env: { STAND_IN_TOKEN_MS: '20' } });
      for (const stream of [true, false]) {
        const leaving = new AbortController();
        const ask = () => worker.fetch('/v1/completions', { prompt: 'a', stream }, { signal: leaving.signal });
        const first = ask().then((response) => response.text());
        await until(async () => (await worker.load()).running === 1);
        const second = ask().then((response) => response.text());
        await until(async () => (await worker.load()).waiting === 1);
        leaving.abort();
        await Promise.allSettled([first, second]);
        await until(
          async () => {
            const { running, waiting } = await worker.load();
            return running === 0 && waiting === 0;
          },
          { pauseMs },
        );
      }
      const answer = (await (await worker.fetch('/v1/completions', { prompt: 'a', max_tokens: 2 })).json()) as Answer;
      assert.equal(answer.choices[0]?.text, 'Hello from');
    });

    it('ends on SIGTERM with 0 when idle', async () => {
      const worker = await start();
      worker.child.kill('SIGTERM');
      assert.deepEqual(await worker.ended, { code: 0, signal: null });
    });

    it('ends at once on a second SIGTERM while a client waits, with an exit code other than 0', async () => {
      const worker = await start({ env: { STAND_IN_TOKEN_MS: '20' } });
      const waiting = worker.fetch('/v1/completions', { prompt: 'a' }).catch(() => undefined);
      await until(async () => (await worker.load()).running === 1);
      await until(() => {
        worker.child.kill('SIGTERM');
        return worker.child.exitCode !== null || worker.child.signalCode !== null;
      });
      const { code, signal } = await worker.ended;
      // llama-server sometimes aborts while it exits.
      if (engine === llamaServer) assert.ok(code === 1 || signal === 'SIGABRT');
      else assert.equal(code, 1);
      await waiting;
    });
  });

  describe(`a worker on ${engine.name} that cannot start`, { skip: atFullScale }, () => {
    const diagnosis = async (model: string, more: object = {}) => {
      const worker = await launchWorker(engine, { model, ...more });
      const failure = await worker.failure(false);
      assert.notEqual(failure.exit?.code, 0);
      return plugin.diagnose(failure);
    };

    it('is diagnosed: missing file', async () => {
      const found = await diagnosis(join(folder, 'nowhere.gguf'));
      assert.equal(found?.cause, 'missing_model');
      assert.match(found?.message ?? '', /nowhere\.gguf/);
    });

    it('is diagnosed: not a GGUF file', async () => {
      const garbage = join(folder, 'garbage.gguf');
      writeFileSync(garbage, 'this is no model at all');
      assert.equal((await diagnosis(garbage))?.cause, 'bad_model');
    });

    it('is diagnosed: truncated in the data, and in the header', async () => {
      const cut = join(folder, 'cut.gguf');
      for (const bytes of [400_000, 2_000]) {
        writeFileSync(cut, readFileSync(demo).subarray(0, bytes));
        const found = await diagnosis(cut);
        assert.equal(found?.cause, 'bad_model');
        assert.match(found?.message ?? '', /cut off/);
      }
    });

    it('is diagnosed: port in use', async () => {
      const owner = createServer().listen(0, '127.0.0.1');
      await once(owner, 'listening');
      const { port } = owner.address() as { port: number };
      const found = await diagnosis(demo, { port });
      owner.close();
      assert.equal(found?.cause, 'port_in_use');
    });
  });
}
