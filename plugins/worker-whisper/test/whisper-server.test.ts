/** Tests the adapter with a stand-in for whisper-server. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import { resolveType } from '../../../core/conformance/index.ts';
import type from '../index.ts';
import { createModelFolder } from './models.ts';
import { toneWav } from './sounds.ts';
import { type ErrorAnswer, launchWorker, readEvents, standIn, startWorker, until } from './worker.ts';

const plugin = resolveType(type);

const models = createModelFolder();
const model = models.file('ggml-tiny.bin', 'lmgg and the rest');
after(() => {
  models.remove();
});

const start = async (args: readonly string[] = [], options: Record<string, unknown> = {}) =>
  startWorker(standIn, { model, options: { chunk_seconds: 30, extra_args: args, ...options } });

const children = (pid: number | undefined): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

describe('whisper-server behind the adapter', { skip: atFullScale }, () => {
  it("answers in OpenAI's formats", async () => {
    const worker = await start();
    const text = await worker.transcribe(toneWav(4), { response_format: 'text' });
    assert.match(text.headers.get('content-type') ?? '', /^text\/plain/);
    assert.equal(await text.text(), 'One. Two.\n');
    const verbose = await worker.transcribe(toneWav(4), {
      response_format: 'verbose_json',
      'timestamp_granularities[]': ['word', 'segment'],
      temperature: '0.5',
    });
    const answer = (await verbose.json()) as {
      language: string;
      duration: number;
      segments: Record<string, unknown>[];
      words: object[];
    };
    assert.deepEqual([answer.language, answer.duration], ['dutch', 4]);
    assert.deepEqual(
      answer.segments.map(({ start, end, text: said, temperature }) => [start, end, said, temperature]),
      [
        [0, 2, ' One.', 0.5],
        [2, 4, ' Two.', 0.5],
      ],
    );
    assert.deepEqual(answer.words, [
      { word: 'One.', start: 0, end: 0.1 },
      { word: 'Two.', start: 2, end: 2.1 },
    ]);
    const translated = await worker.transcribe(toneWav(1), {}, { path: '/v1/audio/translations' });
    assert.equal(((await translated.json()) as { text: string }).text, 'One. Translated.');
  });

  it('reads files that whisper-server itself cannot read', async () => {
    const worker = await start();
    for (const name of ['tone.m4a', 'tone.webm', 'tone.opus']) {
      const response = await worker.transcribe(readFileSync(join(import.meta.dirname, 'samples', name)));
      assert.equal(((await response.json()) as { text: string }).text, 'One. Two.', name);
    }
    const broken = await worker.transcribe('no sound');
    assert.equal(broken.status, 400);
    assert.match(((await broken.json()) as ErrorAnswer).error.message, /not in a supported audio format/);
  });

  it('transcribes a long file in parts, each from the start of the last sentence', async () => {
    const worker = await start();
    const response = await worker.transcribe(toneWav(40), { stream: 'true', response_format: 'verbose_json' });
    const events = (await readEvents(response)) as { type: string; start?: number; end?: number }[];
    assert.deepEqual(
      events.filter(({ type }) => type === 'transcript.text.segment').map(({ start, end }) => [start, end]),
      // Only the first sentence of the first 30 s is certain; the other 25 s are transcribed again.
      [
        [0, 15],
        [15, 27.5],
        [27.5, 40],
      ],
    );
  });

  it('stops when the client disconnects, and serves the next one', async () => {
    const worker = await start(['--stand-in-pause', '60000']);
    const leaving = new AbortController();
    const asked = worker.transcribe(toneWav(1), {}, { signal: leaving.signal });
    await until(() => worker.log.includes('whisper: Received request: sound.wav'));
    leaving.abort();
    await assert.rejects(asked);
    await until(async () => (await worker.metric('rbee_requests_running')) === 0);
    await until(() => worker.log.some((line) => line.includes('client disconnected')));
  });

  it('is restricted to its device, with our arguments and the user’s', async () => {
    const worker = await start(['--stand-in-pause', '1']);
    assert.ok(worker.log.some((line) => line.includes('no GPU found')));
    assert.equal((await worker.transcribe(toneWav(1))).status, 200);
  });

  it('is stopped with its adapter', async () => {
    const worker = await start();
    const pids = children(worker.child.pid);
    assert.equal(pids.length, 2);
    worker.child.kill('SIGTERM');
    assert.deepEqual(await worker.ended, { code: 0, signal: null });
    for (const pid of pids) assert.throws(() => process.kill(pid, 0));
  });

  it('ends its adapter when it crashes', async () => {
    const worker = await start(['--stand-in-crash']);
    await worker.transcribe(toneWav(1)).catch(() => {});
    const failure = await worker.failure(true);
    assert.equal(failure.exit?.code, 137);
    assert.ok(failure.log.some((line) => line.includes('error: the engine was ended by SIGKILL while it was serving')));
    assert.equal(plugin.diagnose(failure)?.cause, 'killed');
  });

  it('says why it did not start, whatever its exit code', async () => {
    const cases: [model: string, args: string[], cause: string, says: RegExp][] = [
      [model, ['--nope'], 'bad_option', /--nope/],
      [models.file('text.bin', 'no model'), [], 'bad_model', /not a ggml file for whisper\.cpp/],
      [models.write(), [], 'bad_model', /ONNX folders need --option engine=onnx/],
      ['/nowhere.bin', [], 'missing_model', /\/nowhere\.bin does not exist/],
    ];
    for (const [path, args, cause, says] of cases) {
      const failed = await launchWorker(standIn, { model: path, options: { extra_args: args } });
      const failure = await failed.failure(false);
      const diagnosis = plugin.diagnose(failure);
      assert.equal(diagnosis?.cause, cause, failure.log.join('\n'));
      assert.match(`${diagnosis?.message} ${diagnosis?.hint}`, says);
      assert.notEqual(failure.exit?.code, 0);
    }
  });
});
