/** Whisper, driven as users and applications do: the real engine on the demo model, through the queen. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { heardSegments, heardSentence, translatedSentence } from '../../plugins/worker-whisper/demo/sentence.ts';
import { levelsFlac, silentWav, tone, toneWav } from '../../plugins/worker-whisper/test/sounds.ts';
import { writeRecording } from '../../plugins/worker-whisper/test/write-recording.ts';
import { createHome, type TestHome } from '../harness/home.ts';
import { atFullScale, until } from '../harness/until.ts';

const samples = resolve(import.meta.dirname, '../../plugins/worker-whisper/test/samples');

let home: TestHome;
let url: string;
let openai: OpenAI;
before(async () => {
  home = createHome();
  ({ url } = await home.json(['queen', 'start']));
  openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  const worker = await home.json(['worker', 'spawn', '--type', 'whisper', '--device', 'cpu', '--model', 'demo']);
  assert.equal(worker.state, 'ready');
});
after(() => home.close());

const sound = (bytes: Buffer, name = 'talk.wav') => toFile(bytes, name);
const workers = async () => (await home.json(['worker', 'list'])).workers;

test('the openai client gets a transcript in every format', async () => {
  const ask = async (response_format: 'json' | 'text' | 'srt' | 'vtt') =>
    openai.audio.transcriptions.create({ model: 'demo', file: await sound(toneWav(2)), response_format });
  assert.equal((await ask('json')).text, heardSentence);
  assert.equal(await ask('text'), `${heardSentence}\n`);
  assert.match(String(await ask('srt')), /^1\n00:00:00,000 --> 00:00:00,500\nHello/);
  assert.match(String(await ask('vtt')), /^WEBVTT\n\n00:00:00\.000 --> 00:00:00\.500\nHello/);
  const verbose = await openai.audio.transcriptions.create({
    model: 'demo',
    file: await sound(toneWav(2)),
    response_format: 'verbose_json',
    timestamp_granularities: ['word', 'segment'],
    language: 'en',
    prompt: 'bees',
    temperature: 0,
  });
  assert.equal(verbose.duration, 2);
  assert.deepEqual(
    verbose.segments?.map((segment) => segment.text.trim()),
    heardSegments,
  );
  assert.equal(verbose.words?.map(({ word }) => word).join(' '), heardSentence);
});

test('the openai client gets a transcript while the audio is processed', async () => {
  const pieces: string[] = [];
  let whole = '';
  const events = await openai.audio.transcriptions.create({
    model: 'demo',
    file: await sound(toneWav(40)),
    stream: true,
  });
  for await (const event of events) {
    if (event.type === 'transcript.text.delta') pieces.push(event.delta);
    if (event.type === 'transcript.text.done') whole = event.text;
  }
  assert.equal(pieces.length, 4);
  assert.equal(pieces.join(''), whole);
  assert.equal(whole, `${heardSentence} ${heardSentence}`);
});

test('the openai client gets a translation', { skip: atFullScale }, async () => {
  const { text: said } = await openai.audio.translations.create({ model: 'demo', file: await sound(toneWav(2)) });
  assert.equal(said, translatedSentence);
});

test('curl as in the README transcribes every kind of file', async () => {
  for (const name of ['tone.mp3', 'tone.m4a', 'tone.webm', 'tone.ogg', 'tone.flac']) {
    const curl = spawn('curl', [
      '--silent',
      `${url}/v1/audio/transcriptions`,
      ...['-F', 'model=demo', '-F', `file=@${join(samples, name)}`],
    ]);
    const [said] = await Promise.all([text(curl.stdout), text(curl.stderr)]);
    assert.equal(JSON.parse(said).text, heardSentence, name);
  }
});

// 32-bit float recordings failed with "start offset of Float32Array should be a multiple of 4".
test('rbee transcribe accepts a recording in floats', async () => {
  const path = join(home.folder, 'float.wav');
  const floats = { channels: [tone(1, { rate: 44_100 })], rate: 44_100, encoding: 'f32' } as const;
  writeFileSync(path, writeRecording('riff', floats) ?? '');
  const { code, stdout, stderr } = await home.rbee(['transcribe', path, '--model', 'demo']);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trim(), heardSentence);
});

test('silence gives no text, and a file that is not audio is refused with the reason', {
  skip: atFullScale,
}, async () => {
  const silent = await openai.audio.transcriptions.create({ model: 'demo', file: await sound(silentWav(1)) });
  assert.equal(silent.text, '');
  const asked = openai.audio.transcriptions.create({ model: 'demo', file: await sound(Buffer.from('no sound')) });
  await assert.rejects(asked, (error: InstanceType<typeof OpenAI.APIError>) => {
    assert.equal(error.status, 400);
    assert.equal(error.param, 'file');
    assert.match(error.message, /not in a supported audio format/);
    return true;
  });
  const gsm = readFileSync(join(samples, '../recordings/gsm.wav'));
  const telephone = openai.audio.transcriptions.create({ model: 'demo', file: await sound(gsm) });
  await assert.rejects(telephone, (error: InstanceType<typeof OpenAI.APIError>) => {
    assert.deepEqual([error.status, error.param, error.code], [400, 'file', 'audio_unsupported_codec']);
    assert.match(error.message, /GSM 6\.10.*`ffmpeg -i IN -ar 16000 -ac 1 OUT\.wav`/);
    return true;
  });
});

test('a client that disconnects frees the worker for the next one', async () => {
  const leaving = new AbortController();
  const hours = levelsFlac(Array.from({ length: 3 * 3600 }, () => 0.5));
  const events = await openai.audio.transcriptions.create(
    { model: 'demo', file: await sound(hours, 'hours.flac'), stream: true },
    { signal: leaving.signal },
  );
  for await (const event of events) {
    assert.equal(event.type, 'transcript.text.delta');
    break;
  }
  leaving.abort();
  // The rest of the recording would take longer.
  const next = await openai.audio.transcriptions.create(
    { model: 'demo', file: await sound(toneWav(1)) },
    { timeout: 20_000 },
  );
  assert.equal(next.text, heardSentence);
});

test('a crashed worker is restarted', { skip: atFullScale }, async () => {
  const [{ id, pid }] = await workers();
  process.kill(pid, 'SIGKILL');
  await until(async () => {
    const [worker] = await workers();
    return worker?.id === id && worker.state === 'ready' && worker.pid !== pid;
  });
  const again = await openai.audio.transcriptions.create({ model: 'demo', file: await sound(toneWav(1)) });
  assert.equal(again.text, heardSentence);
});

test('an unusable model is reported with its defect', async () => {
  const path = join(home.folder, 'ggml-tiny.bin');
  writeFileSync(path, 'lmgg and more');
  const spawn = ['worker', 'spawn', '--type', 'whisper', '--device', 'cpu', '--model', `file:${path}`];
  const run = await home.rbee([...spawn, '--option', 'engine=onnx']);
  assert.notEqual(run.code, 0);
  assert.match(run.stderr, /engine=whisper-server/);
});

test('a ggml file is loaded by whisper-server, which answers like the other engine', {
  skip: atFullScale,
}, async () => {
  const script = resolve(import.meta.dirname, '../../plugins/worker-whisper/test/whisper-server-stand-in.ts');
  const program = join(home.folder, 'whisper-server');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`, { mode: 0o755 });
  const own = createHome();
  try {
    own.env['RBEE_WHISPER_SERVER'] = program;
    const { url: address } = await own.json(['queen', 'start'], { env: { RBEE_WHISPER_SERVER: program } });
    const path = join(home.folder, 'ggml-tiny.bin');
    const spawn = ['worker', 'spawn', '--type', 'whisper', '--device', 'cpu', '--name', 'tiny'];
    const { id } = await own.json([...spawn, '--model', `file:${path}`]);
    assert.equal((await own.json(['worker', 'get', id])).engine, 'whisper-server');
    const client = new OpenAI({ baseURL: `${address}/v1`, apiKey: 'none', maxRetries: 0 });
    const file = await sound(readFileSync(join(samples, 'tone.m4a')), 'tone.m4a');
    assert.equal((await client.audio.transcriptions.create({ model: 'tiny', file })).text, 'One. Two.');
  } finally {
    await own.close();
  }
});

/** A form to be streamed: a 64-channel recording of this many bytes, followed by the name of the model. */
const largeForm = (bytes: number) => {
  const boundary = 'b0undary';
  const part = (head: string) => `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`;
  const wav = Buffer.alloc(44);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + bytes, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  const [channels, rate] = [64, 48_000];
  for (const [at, value] of [
    [20, 1],
    [22, channels],
    [32, 2 * channels],
    [34, 16],
  ] as const)
    wav.writeUInt16LE(value, at);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * 2 * channels, 28);
  wav.write('data', 36);
  wav.writeUInt32LE(bytes, 40);
  const before = Buffer.concat([Buffer.from(part('name="file"; filename="talk.wav"')), wav]);
  const after = Buffer.from(`\r\n${part('name="model"')}demo\r\n--${boundary}--\r\n`);
  return { boundary, before, after, length: before.length + bytes + after.length };
};

test('a recording of hundreds of megabytes is transcribed, and the queen does not buffer it in memory', {
  skip: atFullScale,
}, async () => {
  const { pid } = await home.json(['queen', 'status']);
  const memory = (what: 'VmRSS' | 'VmHWM') =>
    Number(new RegExp(`${what}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
  const megabytes = 320;
  const form = largeForm(megabytes * 1024 * 1024);
  // Resets the peak memory.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = memory('VmRSS');
  const outgoing = request(`${url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${form.boundary}`, 'content-length': form.length },
  });
  const answer = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  outgoing.write(form.before);
  const piece = Buffer.alloc(1024 * 1024, 0x20);
  for (let sent = 0; sent < megabytes; sent += 1) if (!outgoing.write(piece)) await once(outgoing, 'drain');
  outgoing.end(form.after);
  const [response] = await answer;
  const said = await text(response);
  assert.equal(response.statusCode, 200, said);
  assert.ok(JSON.parse(said).text.startsWith(heardSentence), said);
  const grown = memory('VmHWM') - before;
  assert.ok(grown < 100 * 1024 * 1024, `it grew by ${grown} bytes`);
  assert.deepEqual(readdirSync(join(home.paths.state, 'spool')), []);
});

test('a request larger than rbee.conf allows is refused, with what to do', async () => {
  const smaller = createHome({ queen: 'max_body = "2MiB"' });
  try {
    const { url: address } = await smaller.json(['queen', 'start']);
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ model: 'demo', filler: 'x'.repeat(2 * 1024 * 1024) });
    const response = await fetch(`${address}/v1/audio/transcriptions`, { method: 'POST', headers, body });
    assert.equal(response.status, 413);
    const { error } = (await response.json()) as { error: { code: string; message: string; hint: string } };
    assert.equal(error.code, 'body_too_large');
    assert.match(error.message, /larger than 2 MiB/);
    assert.match(error.hint, /max_body under \[queen\] in rbee\.conf/);
  } finally {
    await smaller.close();
  }
});
