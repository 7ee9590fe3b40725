/** Tests the real engine with the demo model, in a real worker process. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import { resolveType } from '../../../core/conformance/index.ts';
import { heardSegments, heardSentence, translatedSentence } from '../demo/sentence.ts';
import { whisperModel } from '../demo/whisper-model.ts';
import type from '../index.ts';
import { createModelFolder } from './models.ts';
import { levelsFlac, silentWav, toneWav } from './sounds.ts';
import {
  type ErrorAnswer,
  type Fields,
  launchWorker,
  onnx,
  readEvents,
  startWorker,
  until,
  type Worker,
} from './worker.ts';

const plugin = resolveType(type);

const models = createModelFolder();
after(() => {
  models.remove();
});

const start = async (options: Record<string, unknown> = {}) => startWorker(onnx, { model: models.write(), options });

const tone = toneWav(2);
let worker: Worker;
before(async () => {
  worker = await start({ slots: 1, queue_limit: 2, max_upload_mb: 8 });
});

const textOf = async (response: Response) => {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
};
const jsonOf = async <Answer>(response: Response) => JSON.parse(await textOf(response)) as Answer;

describe('a transcription', () => {
  it('comes in every format', async () => {
    const cases: [format: string, type: RegExp, text: string][] = [
      ['text', /^text\/plain/, `${heardSentence}\n`],
      [
        'srt',
        /^application\/x-subrip/,
        `1\n00:00:00,000 --> 00:00:00,500\n${heardSegments[0]}\n\n2\n00:00:00,520 --> 00:00:01,000\n${heardSegments[1]}\n\n`,
      ],
      [
        'vtt',
        /^text\/vtt/,
        `WEBVTT\n\n00:00:00.000 --> 00:00:00.500\n${heardSegments[0]}\n\n00:00:00.520 --> 00:00:01.000\n${heardSegments[1]}\n\n`,
      ],
    ];
    for (const [format, type, text] of cases) {
      const response = await worker.transcribe(tone, { response_format: format });
      assert.match(response.headers.get('content-type') ?? '', type);
      assert.equal(await textOf(response), text);
    }
    const usage = { type: 'duration', seconds: 2 };
    assert.deepEqual(await jsonOf(await worker.transcribe(tone)), { text: heardSentence, usage });
    const verbose = await jsonOf<Record<string, unknown> & { segments: Record<string, unknown>[] }>(
      await worker.transcribe(tone, { response_format: 'verbose_json' }),
    );
    const { segments, ...rest } = verbose;
    assert.deepEqual(rest, { task: 'transcribe', language: 'english', duration: 2, text: heardSentence, usage });
    assert.deepEqual(
      segments.map(({ id, seek, start, end, text }) => ({ id, seek, start, end, text })),
      [
        { id: 0, seek: 0, start: 0, end: 0.5, text: ` ${heardSegments[0]}` },
        { id: 1, seek: 52, start: 0.52, end: 1, text: ` ${heardSegments[1]}` },
      ],
    );
    const [segment] = segments;
    assert.deepEqual((segment?.['tokens'] as number[]).length, 4);
    assert.ok((segment?.['avg_logprob'] as number) > -0.1 && (segment?.['no_speech_prob'] as number) < 0.1);
    assert.ok((segment?.['compression_ratio'] as number) > 0.5);
  });

  it('has word times on request', async () => {
    const asked: [granularities: string[], members: string[]][] = [
      [['word'], ['words']],
      [['segment'], ['segments']],
      [
        ['word', 'segment'],
        ['segments', 'words'],
      ],
    ];
    for (const [granularities, members] of asked) {
      const fields = { response_format: 'verbose_json', 'timestamp_granularities[]': granularities };
      const answer = await jsonOf<Record<string, unknown>>(await worker.transcribe(tone, fields));
      assert.deepEqual(
        Object.keys(answer).filter((name) => name === 'words' || name === 'segments'),
        members,
      );
      const words = (answer['words'] ?? []) as { word: string; start: number; end: number }[];
      if (!granularities.includes('word')) continue;
      assert.equal(words.map(({ word }) => word).join(' '), heardSentence);
      for (const [at, { start, end }] of words.entries()) {
        assert.ok(start < end && start >= (words[at - 1]?.end ?? 0) && end <= 2, JSON.stringify(words));
      }
    }
  });

  it('is empty for silence', async () => {
    assert.equal(await textOf(await worker.transcribe(silentWav(3), { response_format: 'text' })), '\n');
    const answer = await jsonOf<object>(await worker.transcribe(silentWav(3), { response_format: 'verbose_json' }));
    assert.deepEqual(answer, {
      task: 'transcribe',
      language: 'english',
      duration: 3,
      text: '',
      segments: [],
      usage: { type: 'duration', seconds: 3 },
    });
    // Not quite silent, so the model itself must detect that nothing was said.
    const faint = toneWav(1, { level: 0.0002 });
    assert.equal((await jsonOf<{ text: string }>(await worker.transcribe(faint))).text, '');
  });

  it('is a translation on the other path', async () => {
    const response = await worker.transcribe(
      tone,
      { response_format: 'verbose_json', language: 'de' },
      { path: '/v1/audio/translations' },
    );
    const { text, task, language } = await jsonOf<Record<string, unknown>>(response);
    assert.deepEqual([text, task, language], [translatedSentence, 'translate', 'english']);
  });

  it('accepts language, prompt, temperature and model as clients send them', async () => {
    const fields: Fields = {
      model: 'DEMO',
      language: 'German',
      prompt: 'A talk about bees, hives and queens.',
      temperature: '0.7',
      response_format: 'verbose_json',
    };
    const answer = await jsonOf<Record<string, unknown> & { segments: { temperature: number }[] }>(
      await worker.transcribe(tone, fields),
    );
    assert.deepEqual([answer['language'], answer['text']], ['german', heardSentence]);
    assert.equal(answer.segments[0]?.temperature, 0.7);
  });

  it('is streamed on request', async () => {
    const response = await worker.transcribe(tone, { stream: 'true' });
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
    assert.deepEqual(await readEvents(response), [
      { type: 'transcript.text.delta', delta: heardSegments[0] },
      { type: 'transcript.text.delta', delta: ` ${heardSegments[1]}` },
      { type: 'transcript.text.done', text: heardSentence, usage: { type: 'duration', seconds: 2 } },
      '[DONE]',
    ]);
    const verbose = (await readEvents(
      await worker.transcribe(tone, { stream: 'true', response_format: 'verbose_json' }),
    )) as { type: string; start?: number; text?: string }[];
    const segments = verbose.filter(({ type }) => type === 'transcript.text.segment');
    assert.deepEqual(
      segments.map(({ start, text }) => [start, text]),
      [
        [0, ` ${heardSegments[0]}`],
        [0.52, ` ${heardSegments[1]}`],
      ],
    );
  });

  it('reads every kind of audio file', async () => {
    const samples = join(import.meta.dirname, 'samples');
    for (const name of readdirSync(samples)) {
      const response = await worker.transcribe(readFileSync(join(samples, name)));
      assert.equal((await jsonOf<{ text: string }>(response)).text, heardSentence, name);
    }
  });

  it('covers a truncated file as far as it goes, with a warning in the log', async () => {
    const response = await worker.transcribe(toneWav(3).subarray(0, 44 + 64_000));
    const answer = await jsonOf<{ text: string }>(response);
    assert.equal(answer.text, heardSentence);
    const says = 'sound.wav: warning: the file is truncated: it has 2.0 of 3.0 seconds';
    assert.ok(
      worker.log.some((line) => line.includes(says)),
      worker.log.join('\n'),
    );
  });

  it('comes window by window for a longer file', async () => {
    const response = await worker.transcribe(toneWav(65), { stream: 'true', response_format: 'verbose_json' });
    const events = (await readEvents(response)) as { type: string; start?: number; text?: string }[];
    assert.deepEqual(
      events.filter(({ type }) => type === 'transcript.text.segment').map(({ start }) => start),
      [0, 0.52, 30, 30.52, 60, 60.52],
    );
    assert.equal(events.at(-2)?.text, Array.from({ length: 3 }, () => heardSentence).join(' '));
  });
});

describe('an invalid request', () => {
  it('is answered with the reason', async () => {
    const gsm = readFileSync(join(import.meta.dirname, 'recordings/gsm.wav'));
    const cases: [sound: Buffer | string, fields: Fields, status: number, param: string | null, says: RegExp][] = [
      ['', {}, 400, 'file', /the file is empty/],
      ['This is no sound.', {}, 400, 'file', /not in a supported audio format/],
      [toneWav(0.05), {}, 400, 'file', /0\.05 seconds long/],
      [toneWav(1).subarray(0, 44), {}, 400, 'file', /no sound/],
      [Buffer.alloc(9 * 1024 * 1024), {}, 413, 'file', /larger than the limit of 8 MiB/],
      [tone, { response_format: 'diarized_json' }, 400, 'response_format', /must be one of json, text/],
      [tone, { temperature: '2' }, 400, 'temperature', /1/],
      [tone, { temperature: 'warm' }, 400, 'temperature', /number/],
      [tone, { language: 'klingon' }, 400, 'language', /klingon/],
      [tone, { language: 'ja' }, 400, 'language', /does not know japanese/],
      [tone, { model: 'other' }, 404, 'model', /other/],
      [tone, { 'timestamp_granularities[]': 'word' }, 400, 'timestamp_granularities', /verbose_json/],
      [
        tone,
        { 'timestamp_granularities[]': 'phrase', response_format: 'verbose_json' },
        400,
        'timestamp_granularities[0]',
        /must be one of segment, word/,
      ],
      [tone, { stream: 'true', response_format: 'srt' }, 400, 'stream', /srt cannot be streamed/],
      ['no sound, streamed', { stream: 'true' }, 400, 'file', /not in a supported audio format/],
      [gsm, {}, 400, 'file', /coded as GSM 6\.10, .* `ffmpeg -i IN -ar 16000 -ac 1 OUT\.wav`/],
      [gsm, { stream: 'true' }, 400, 'file', /GSM 6\.10/],
    ];
    for (const [sound, fields, status, param, says] of cases) {
      const response = await worker.transcribe(sound, fields);
      const { error } = (await response.json()) as ErrorAnswer;
      assert.deepEqual(
        [response.status, error.param, error.type],
        [status, param, 'invalid_request_error'],
        error.message,
      );
      assert.match(error.message, says);
    }
    const without = new FormData();
    without.append('model', 'demo');
    const response = await worker.fetch('/v1/audio/transcriptions', without);
    assert.equal(((await response.json()) as ErrorAnswer).error.message, 'file is required');
    const json = await worker.fetch('/v1/audio/transcriptions', {});
    assert.equal(json.status, 415);
    // The next request works.
    assert.equal((await jsonOf<{ text: string }>(await worker.transcribe(tone))).text, heardSentence);
  });
});

describe('a model with fewer abilities', () => {
  const changed = (change: object) => {
    const config = JSON.parse(String(whisperModel()['generation_config.json'])) as object;
    return models.write({ 'generation_config.json': JSON.stringify({ ...config, ...change }) });
  };
  const startWith = async (change: object) => {
    const one = await startWorker(onnx, { model: changed(change) });
    return one;
  };

  it('says that it supports only English', { skip: atFullScale }, async () => {
    const one = await startWith({ is_multilingual: false, lang_to_id: undefined, task_to_id: undefined });
    assert.equal((await jsonOf<{ text: string }>(await one.transcribe(tone, { language: 'en' }))).text, heardSentence);
    for (const [fields, path, param] of [
      [{ language: 'de' }, '/v1/audio/transcriptions', 'language'],
      [{}, '/v1/audio/translations', 'model'],
    ] as const) {
      const response = await one.transcribe(tone, fields, { path });
      assert.equal(response.status, 400);
      const { error } = (await response.json()) as ErrorAnswer;
      assert.match(error.message, /only English/);
      assert.equal(error.param, param);
    }
  });

  it('says which models have word times', { skip: atFullScale }, async () => {
    const one = await startWith({ alignment_heads: undefined });
    const fields = { response_format: 'verbose_json', 'timestamp_granularities[]': 'word' };
    const response = await one.transcribe(tone, fields);
    assert.equal(response.status, 400);
    assert.match(((await response.json()) as ErrorAnswer).error.message, /_timestamped/);
  });
});

/** Long enough to keep the demo model busy for minutes. */
const hours = (count: number, level: (second: number) => number = () => 0.5) =>
  levelsFlac(Array.from({ length: count * 3600 }, (_, second) => level(second)));

describe('work that takes long', { skip: atFullScale }, () => {
  it('stops when its client disconnects, and the next request is served', async () => {
    const leaving = new AbortController();
    const before = await worker.metric('rbee_tokens_generated_total');
    const response = await worker.transcribe(hours(3), { stream: 'true' }, { signal: leaving.signal });
    const reader = response.body?.getReader();
    assert.match(new TextDecoder().decode((await reader?.read())?.value), /transcript\.text\.delta/);
    // Other requests are answered meanwhile.
    assert.equal((await fetch(`${worker.url}/health`)).status, 200);
    leaving.abort();
    // The slot is free only once the engine has stopped.
    await until(async () => (await worker.metric('rbee_requests_running')) === 0);
    const heard = (await worker.metric('rbee_tokens_generated_total')) - before;
    assert.ok(heard > 0 && heard < 360 * 10, `${heard} tokens`);
    assert.equal((await jsonOf<{ text: string }>(await worker.transcribe(tone))).text, heardSentence);
  });

  it('also stops if the answer is not streamed', async () => {
    const leaving = new AbortController();
    const asked = worker.transcribe(hours(3), {}, { signal: leaving.signal });
    await until(async () => (await worker.metric('rbee_requests_running')) === 1);
    leaving.abort();
    await assert.rejects(asked);
    await until(async () => (await worker.metric('rbee_requests_running')) === 0);
    assert.equal((await worker.transcribe(tone)).status, 200);
  });

  it('lets other requests wait, and refuses those beyond the queue', async () => {
    const leaving = new AbortController();
    const long = worker.transcribe(hours(3), {}, { signal: leaving.signal });
    await until(async () => (await worker.metric('rbee_requests_running')) === 1);
    const waiting = [worker.transcribe(tone), worker.transcribe(tone)];
    await until(async () => (await worker.metric('rbee_requests_waiting')) === 2);
    const refused = await worker.transcribe(tone);
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get('retry-after'), '1');
    leaving.abort();
    await assert.rejects(long);
    for (const response of await Promise.all(waiting)) assert.equal(response.status, 200);
  });

  it('transcribes a file of three hours without keeping it in memory, and shows progress', {
    skip: atFullScale,
  }, async () => {
    const speaks = new Set([0, 3600, 3601, 10_799]);
    const flac = hours(3, (second) => (speaks.has(second) ? 0.5 : 0));
    const answer = await jsonOf<{ duration: number; segments: { start: number }[] }>(
      await worker.transcribe(flac, { response_format: 'verbose_json' }),
    );
    assert.equal(answer.duration, 10_800);
    assert.deepEqual(
      answer.segments.map(({ start }) => start),
      [0, 0.52, 3600, 3600.52, 10_770, 10_770.52],
    );
    assert.ok(
      worker.log.some((line) => /whisper: sound\.wav: 1:00:00 transcribed, 3\d % of it read/.test(line)),
      worker.log.join('\n'),
    );
    if (process.platform !== 'linux') return;
    const [engine] = readFileSync(`/proc/${worker.child.pid}/task/${worker.child.pid}/children`, 'utf8').split(' ');
    const most = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${engine}/status`, 'utf8'))?.[1];
    // The decoded sound is 700 MB.
    assert.ok(Number(most) < 600_000, `${most} kB`);
  });

  it('runs in parallel if there are slots', async () => {
    const two = await start({ slots: 2 });
    const leaving = new AbortController();
    const long = two.transcribe(hours(3), {}, { signal: leaving.signal });
    await until(async () => (await two.metric('rbee_requests_running')) === 1);
    assert.equal((await jsonOf<{ text: string }>(await two.transcribe(tone))).text, heardSentence);
    assert.equal(await two.metric('rbee_requests_running'), 1);
    leaving.abort();
    await assert.rejects(long);
  });
});

describe('the worker', () => {
  it('exits with 0 when stopped, and ends its engines', async () => {
    const one = await start();
    const children = readFileSync(`/proc/${one.child.pid}/task/${one.child.pid}/children`, 'utf8').trim().split(' ');
    one.child.kill('SIGTERM');
    assert.deepEqual(await one.ended, { code: 0, signal: null });
    for (const pid of children) assert.throws(() => process.kill(Number(pid), 0));
  });

  it('ends and says why when its engine is killed', async () => {
    const one = await start();
    const [engine] = readFileSync(`/proc/${one.child.pid}/task/${one.child.pid}/children`, 'utf8').trim().split(' ');
    process.kill(Number(engine), 'SIGKILL');
    const failure = await one.failure(true);
    assert.equal(failure.exit?.code, 137);
    assert.match(failure.log.at(-1) ?? '', /^whisper: error: the engine was ended by SIGKILL while it was serving$/);
    assert.equal(plugin.diagnose(failure)?.cause, 'killed');
  });

  it('says what is wrong with a model, and the plugin recognises the cause', { skip: atFullScale }, async () => {
    const whole = models.write();
    const cases: [model: string, options: Record<string, unknown>, cause: string, says: RegExp][] = [
      ['/nowhere/model', {}, 'missing_model', /\/nowhere\/model does not exist/],
      [models.write({ 'tokenizer.json': undefined }), {}, 'missing_model', /has no tokenizer\.json/],
      [models.write({ 'onnx/encoder_model.onnx': undefined }), {}, 'missing_model', /has no networks: it needs onnx/],
      [whole, { dtype: 'q4' }, 'missing_model', /no networks in q4: it has fp32/],
      [models.write({ 'config.json': '{"model_type":"llama"}' }), {}, 'bad_model', /is "llama", not a Whisper model/],
      [models.write({ 'config.json': '{' }), {}, 'bad_model', /config\.json is damaged/],
      [models.write({ 'onnx/encoder_model.onnx': 'no network' }), {}, 'bad_model', /damaged or truncated/],
      [models.file('a.bin', 'lmgg and more'), {}, 'bad_model', /for whisper\.cpp: spawn it with/],
      [models.file('b.bin', 'anything'), {}, 'bad_model', /is a file: a folder of an ONNX export is needed/],
    ];
    for (const [model, options, cause, says] of cases) {
      const failed = await launchWorker(onnx, { model, options });
      const failure = await failed.failure(false);
      const diagnosis = plugin.diagnose(failure);
      assert.equal(diagnosis?.cause, cause, failure.log.join('\n'));
      assert.match(failure.log.at(-1) ?? '', says);
    }
  });

  it('reports missing CUDA libraries, and how to install them', { skip: atFullScale }, async () => {
    const failed = await launchWorker(onnx, { model: models.write(), variant: 'cuda' });
    const diagnosis = plugin.diagnose(await failed.failure(false));
    assert.equal(diagnosis?.cause, 'missing_library', failed.log.join('\n'));
    assert.match(diagnosis?.hint ?? '', /--allow-scripts/);
  });
});
