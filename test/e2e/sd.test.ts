/** Images: the real pipeline on the demo model, driven as users and applications do. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import sharp from 'sharp';
import { createHome, type TestHome } from '../harness/home.ts';
import { atFullScale, until } from '../harness/until.ts';

const demoModel = resolve(import.meta.dirname, '../../plugins/worker-sd/models/demo');
/** One thread: on two busy cores, more threads only wait for each other. */
const spawn = [
  'worker',
  'spawn',
  '--type',
  'sd',
  '--device',
  'cpu',
  '--option',
  'threads=1',
  '--option',
  'max_steps=1000',
];

let home: TestHome;
let openai: OpenAI;
let worker: { id: string; pid: number };
before(async () => {
  home = createHome();
  const { url } = await home.json(['queen', 'start']);
  openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  worker = await home.json([...spawn, '--model', 'demo', '--name', 'painter']);
});
after(() => home.close());

const request = { model: 'painter', prompt: 'a red house', size: '64x64', n: 1 } as const;
/** Fields beyond OpenAI's own. */
const more = { steps: 4, seed: 1 } as object;
const imageOf = (answer: OpenAI.ImagesResponse, index = 0) =>
  Buffer.from(answer.data?.[index]?.b64_json ?? '', 'base64');
const draw = (fields: object = {}) => openai.images.generate({ ...request, ...more, ...fields, stream: false });
const state = async () => (await home.json(['worker', 'get', worker.id])).state;

test('a worker on the demo model runs the builtin engine', async () => {
  const got = await home.json(['worker', 'get', worker.id]);
  assert.deepEqual([got.type, got.variant, got.engine, got.state], ['sd', 'cpu', 'builtin', 'ready']);
});

test('the openai client gets a PNG of the requested size, and the same one for the same seed', async () => {
  const answer = await draw();
  const { format, width, height } = await sharp(imageOf(answer)).metadata();
  assert.deepEqual([format, width, height], ['png', 64, 64]);
  assert.deepEqual(imageOf(await draw()), imageOf(answer));
  assert.notDeepEqual(imageOf(await draw({ seed: 2 })), imageOf(answer));
  assert.notDeepEqual(imageOf(await draw({ prompt: 'a blue house' })), imageOf(answer));
});

test('several images, another format and a data URL can be requested', { skip: atFullScale }, async () => {
  const answer = await draw({ n: 2, output_format: 'webp' });
  assert.equal(answer.data?.length, 2);
  assert.equal((await sharp(imageOf(answer, 1)).metadata()).format, 'webp');
  const { data } = await draw({ response_format: 'url' });
  assert.match(data?.[0]?.url ?? '', /^data:image\/png;base64,/);
});

test('the openai client sees the steps, a preview and the image as they are made', async () => {
  const types: string[] = [];
  const stream = await openai.images.generate({ ...request, ...more, stream: true, partial_images: 1 });
  for await (const event of stream) types.push(event.type);
  assert.equal(types.at(-1), 'image_generation.completed');
  assert.equal(types.filter((type) => type === 'image_generation.partial_image').length, 1);
  assert.equal(types.filter((type) => (type as string) === 'image_generation.progress').length, 4);
});

test('the openai client edits an image', async () => {
  const blue = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#00f' } })
    .png()
    .toBuffer();
  const image = await toFile(blue, 'blue.png', { type: 'image/png' });
  const answer = await openai.images.edit({ ...request, ...more, image });
  assert.equal((await sharp(imageOf(answer)).metadata()).width, 64);
});

test('an invalid request gets an error that the client recognizes', async () => {
  const wrong: [object, string][] = [
    [{ size: '63x64' }, 'size'],
    [{ n: 11 }, 'n'],
    [{ prompt: '' }, 'prompt'],
  ];
  for (const [fields, param] of wrong) {
    await assert.rejects(draw(fields), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, param);
      return true;
    });
  }
});

test('a client that disconnects stops the drawing', async () => {
  const leaving = new AbortController();
  // It would take longer than the next request may.
  const long = { ...request, n: 4, size: '1024x1024', steps: 1000, stream: true } as const;
  const stream = await openai.images.generate(long, { signal: leaving.signal });
  for await (const _ of stream) break;
  leaving.abort();
  await openai.images.generate({ ...request, ...more, stream: false }, { timeout: 20_000 });
});

test('rbee image draws into a file', async () => {
  const file = join(home.folder, 'bee.png');
  const args = ['image', 'a yellow bee', '-m', 'painter', '-o', file, '--size', '64x64', '--steps', '4', '--seed', '3'];
  const run = await home.rbee(args);
  assert.equal(run.code, 0, run.stderr);
  assert.equal((await sharp(readFileSync(file)).metadata()).width, 64);
});

test('a killed worker is restarted and draws', { skip: atFullScale }, async () => {
  const { pid } = await home.json(['worker', 'get', worker.id]);
  process.kill(pid, 'SIGKILL');
  await until(async () => {
    const got = await home.json(['worker', 'get', worker.id]);
    return got.state === 'ready' && got.pid !== pid;
  });
  assert.ok(imageOf(await draw()).length > 0);
});

test('a truncated model is diagnosed, and no worker is left', async () => {
  const folder = join(home.folder, 'broken');
  cpSync(demoModel, folder, { recursive: true });
  truncateSync(join(folder, 'unet/model.onnx'), 4000);
  const run = await home.rbee([...spawn, '--model', `file:${folder}`, '--json']);
  assert.equal(run.code, 1);
  const { error } = JSON.parse(run.stdout);
  assert.match(`${error.code} ${error.message}`, /^WORKER_FAILED .*unet\/model\.onnx/);
  assert.equal((await home.json(['worker', 'list'])).workers.length, 1);
});

test('a stopped worker leaves no process behind', async () => {
  await home.json(['worker', 'stop', worker.id]);
  assert.equal(await state(), 'stopped');
  const { pid } = await home.json(['queen', 'status']);
  await until(() => home.processes().length === 1);
  assert.deepEqual(home.processes(), [pid]);
});

describe('sd-server or a compatible program, where one is found', () => {
  let other: TestHome;
  before(() => {
    other = createHome();
    const program = join(other.folder, 'sd-server');
    const standIn = resolve(import.meta.dirname, '../../plugins/worker-sd/test/sd-server-stand-in.ts');
    writeFileSync(program, `#!${process.execPath}\nimport(${JSON.stringify(standIn)});\n`);
    chmodSync(program, 0o755);
    other.env['RBEE_SD_SERVER'] = program;
  });
  after(() => other.close());

  test('leaves a folder of ONNX files to the builtin engine', async () => {
    const { id } = await other.json([...spawn, '--model', 'demo']);
    assert.equal((await other.json(['worker', 'get', id])).engine, 'builtin');
    await other.json(['worker', 'delete', id, '--now']);
  });

  test('draws behind its adapter, and both come back when either is killed', { skip: atFullScale }, async () => {
    const model = join(other.folder, 'model.gguf');
    // The header of an empty GGUF file.
    writeFileSync(model, Buffer.concat([Buffer.from('GGUF'), Buffer.from([3, 0, 0, 0]), Buffer.alloc(16)]));
    const spawned = [
      'worker',
      'spawn',
      '--type',
      'sd',
      '--device',
      'cpu',
      '--model',
      `file:${model}`,
      '--name',
      'drawn',
    ];
    const { id } = await other.json(spawned);
    const get = () => other.json(['worker', 'get', id]);
    assert.deepEqual([(await get()).engine, (await get()).state], ['sd-server', 'ready']);
    const { url } = await other.json(['queen', 'status']);
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
    const once = () => client.images.generate({ ...request, model: 'drawn', stream: false });
    assert.equal((await sharp(imageOf(await once())).metadata()).width, 64);

    const { pid } = await get();
    const engines = () => other.processes().filter((one) => commandOf(one).includes('--listen-port'));
    for (const victim of [() => pid, () => engines()[0]]) {
      const was = await get();
      process.kill(victim() ?? 0, 'SIGKILL');
      await until(async () => {
        const now = await get();
        return now.state === 'ready' && now.pid !== was.pid;
      });
      assert.ok(imageOf(await once()).length > 0);
    }
    await other.json(['worker', 'stop', id]);
    await until(() => engines().length === 0);
  });
});

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
};
