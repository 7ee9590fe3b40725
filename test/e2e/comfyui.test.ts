/**
 * ComfyUI through a real hive and the queen's own address. The program is a stand-in with ComfyUI's API and failures.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { sizeOf } from '../../plugins/worker-comfyui/test/png.ts';
import { writeFolder, writeProgram } from '../../plugins/worker-comfyui/test/stand-in-binary.ts';
import { createHome, kill, type TestHome } from '../harness/home.ts';
import { atFullScale, until } from '../harness/until.ts';

let home: TestHome;
let url: string;
let openai: OpenAI;
before(async () => {
  home = createHome();
  home.env['RBEE_COMFYUI'] = writeProgram(join(home.folder, 'programs'));
  ({ url } = await home.json(['queen', 'start']));
  openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
});
after(() => home.close());

const spawnArgs = (...more: string[]) => [
  ...['worker', 'spawn', '--type', 'comfyui', '--device', 'cpu'],
  ...['--option', 'size=64x64', '--option', 'steps=4', ...more],
];
const spawn = (...more: string[]) => home.json(spawnArgs(...more));
const get = (id: string) => home.json(['worker', 'get', id]);
const ask = async (path: string, init?: RequestInit) => {
  const response = await fetch(url + path, init);
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of any shape.
  return { status: response.status, body: (await response.json()) as any };
};
const post = (path: string, body: object) =>
  ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
const running = async () => (await ask('/queue')).body.queue_running.length;
/** ComfyUI itself, the child of the adapter. A zombie counts as ended: its parent may not have reaped it yet. */
const childOf = (pid: number) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
const alive = (pid: number) =>
  existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

test('a worker without a model becomes ready, and the openai client gets an image', async () => {
  const worker = await spawn();
  assert.equal(worker.state, 'ready');
  assert.equal(worker.engine, 'program');
  assert.deepEqual(worker.names, ['comfyui']);
  const answers = await Promise.all(
    [1, 1, 2].map((seed) =>
      openai.images.generate({ model: 'comfyui', prompt: 'a bee', size: '128x64' as '256x256', ...{ seed } }),
    ),
  );
  const [one, same, other] = answers.map(({ data }) => data?.[0]?.b64_json ?? '');
  assert.deepEqual(sizeOf(Buffer.from(one ?? '', 'base64')), [128, 64]);
  assert.equal(same, one);
  assert.notEqual(other, one);
});

test('rbee image writes an image to a file', async () => {
  const file = join(home.folder, 'bee.png');
  await home.json(['image', '-m', 'comfyui', 'a bee', '-o', file, '--size', '32x64']);
  assert.deepEqual(sizeOf(readFileSync(file)), [32, 64]);
});

test("an invalid request gets an error in OpenAI's format", async () => {
  const refused = (prompt: string, more: object = {}) =>
    openai.images.generate({ model: 'comfyui', prompt, ...more }).then(
      () => assert.fail('the image was drawn'),
      (error: InstanceType<typeof OpenAI.APIError>) => error,
    );
  const memory = await refused('OUT OF MEMORY');
  assert.deepEqual([memory.status, memory.code], [500, 'out_of_memory']);
  assert.match(memory.message, /not enough memory for this image/);
  const size = await refused('a bee', { size: '65x65' });
  assert.deepEqual([size.status, size.param], [400, 'size']);
});

interface Told {
  type: string;
  data: { prompt_id?: string; value?: number };
}

/** Node's own client. Resolves once ComfyUI has greeted it. */
const listenTo = async (path: string) => {
  const socket = new WebSocket(url.replace('http', 'ws') + path);
  const heard: (Told | 'picture')[] = [];
  socket.addEventListener('message', ({ data }) => {
    heard.push(typeof data === 'string' ? JSON.parse(data) : 'picture');
  });
  const closed = new Promise<void>((resolve) => socket.addEventListener('close', () => resolve()));
  await until(() => heard.length > 0, { what: 'its greeting' });
  return { socket, heard, closed };
};

test('its WebSocket reports the progress of a prompt, with and without a model name', async () => {
  for (const path of ['/ws?clientId=me', '/ws?clientId=me&model=comfyui', '/api/ws?clientId=me']) {
    const { socket, heard, closed } = await listenTo(path);
    const prompt = {
      1: { class_type: 'KSampler', inputs: { steps: 3 } },
      2: { class_type: 'SaveImage', inputs: {} },
    };
    const { body } = await post('/prompt', { prompt, client_id: 'me' });
    const ofPrompt = () => heard.filter((one) => one !== 'picture' && one.data.prompt_id === body.prompt_id) as Told[];
    await until(() => ofPrompt().some(({ type }) => type === 'execution_success'), { what: 'the end of the prompt' });
    assert.deepEqual(
      ofPrompt().flatMap(({ type, data }) => (type === 'progress' ? [data.value] : [])),
      [1, 2, 3],
    );
    assert.ok(heard.includes('picture'));
    socket.close();
    await closed;
  }
});

test('its WebSocket closes with its worker', { skip: atFullScale }, async () => {
  const other = await spawn('--name', 'short-lived');
  const { closed } = await listenTo('/ws?model=short-lived');
  kill(other.pid);
  await closed;
  const again = await until(
    async () => {
      const now = await get(other.id);
      return now.state === 'ready' && now.pid !== other.pid;
    },
    { what: 'a new process' },
  );
  assert.ok(again);
  const second = await listenTo('/ws?model=short-lived');
  await home.json(['worker', 'delete', other.id, '--now']);
  await second.closed;
});

test("ComfyUI's own API is served at the address of the queen, without a model", async () => {
  const stats = await ask('/system_stats');
  assert.equal(stats.status, 200);
  assert.equal(stats.body.devices[0].type, 'cpu');
  const prompt = {
    1: { class_type: 'EmptyLatentImage', inputs: { width: 24, height: 16 } },
    2: { class_type: 'SaveImage', inputs: { images: ['1', 0] } },
  };
  const { body } = await post('/prompt', { prompt });
  const done = await until(async () => (await ask(`/history/${body.prompt_id}`)).body[body.prompt_id], {
    what: 'the prompt in the history',
  });
  const [{ filename, type }] = done.outputs[2].images;
  const view = await fetch(`${url}/view?${new URLSearchParams({ filename, type, subfolder: '' })}`);
  assert.deepEqual(sizeOf(Buffer.from(await view.arrayBuffer())), [24, 16]);
  assert.equal((await post('/api/prompt', { prompt: { 1: prompt[1] } })).body.error.type, 'prompt_no_outputs');
  const form = new FormData();
  form.set('image', new Blob(['bytes']), 'mask.png');
  assert.equal((await ask('/upload/image', { method: 'POST', body: form })).body.name, 'mask.png');
  // Not every path below the prefix belongs to it.
  assert.equal((await ask('/objects')).status, 404);
  assert.equal((await ask('/v1/images/generations', { method: 'GET' })).status, 405);
});

test('a client that disconnects has its image interrupted', async () => {
  const leaving = new AbortController();
  const image = openai.images.generate({ model: 'comfyui', prompt: 'FOR EVER' }, { signal: leaving.signal });
  image.catch(() => {});
  await until(async () => (await running()) === 1, { what: 'a running prompt' });
  leaving.abort();
  await assert.rejects(image);
  await until(async () => (await running()) === 0, { what: 'an empty queue' });
});

test('its queue is counted, including prompts that came from elsewhere', { skip: atFullScale }, async () => {
  const [worker] = (await home.json(['worker', 'list'])).workers;
  const graph = (text: string) => ({
    1: { class_type: 'CLIPTextEncode', inputs: { text } },
    2: { class_type: 'SaveImage', inputs: {} },
  });
  await post('/prompt', { prompt: graph('FOR EVER') });
  await post('/prompt', { prompt: graph('FOR EVER') });
  await until(
    async () => {
      const now = await get(worker.id);
      return now.running === 1 && now.waiting === 1;
    },
    { what: 'a running and a waiting prompt' },
  );
  const { body } = await ask('/queue');
  await post('/queue', { delete: [body.queue_pending[0][1]] }).catch(() => {});
  await fetch(`${url}/interrupt`, { method: 'POST' });
  await until(async () => (await get(worker.id)).running === 0, { what: 'nothing running' });
});

test('with two workers a model must be named, also in the query', { skip: atFullScale }, async () => {
  const directory = writeFolder(join(home.folder, 'ComfyUI'));
  const second = await spawn('--name', 'second', '--option', `directory=${directory}`);
  assert.equal(second.engine, 'folder');
  const nameless = await ask('/system_stats');
  assert.equal(nameless.status, 400);
  assert.match(nameless.body.error.message, /model is missing/);
  assert.equal((await ask('/system_stats?model=second')).status, 200);
  const child = childOf(second.pid);
  assert.ok(alive(child));
  await home.json(['worker', 'stop', second.id]);
  assert.ok(!alive(second.pid) && !alive(child));
  assert.equal((await ask('/system_stats')).status, 200);
});

test('a ComfyUI that dies is restarted with its adapter', { skip: atFullScale }, async () => {
  const [worker] = (await home.json(['worker', 'list'])).workers.filter(
    ({ state }: { state: string }) => state === 'ready',
  );
  kill(childOf(worker.pid));
  const again = await until(
    async () => {
      const now = await get(worker.id);
      return now.state === 'ready' && now.pid !== worker.pid && now;
    },
    { what: 'a new process' },
  );
  assert.equal(again.restarts, 1);
});

test('a ComfyUI that does not start says why and what to try', async () => {
  const cases: [string[], says: RegExp, hint: RegExp][] = [
    [['--option', 'directory=/no/ComfyUI'], /there is no ComfyUI in \/no\/ComfyUI/, /directory=/],
    [['--option', 'extra_args=["--no-such-flag"]'], /does not know the arguments --no-such-flag/, /extra_args/],
    [
      ['--option', 'extra_args=["--fail=AssertionError: Torch not compiled with CUDA enabled"]'],
      /built without CUDA/,
      /PyTorch/,
    ],
    [['--option', 'workflow=/no/workflow.json'], /workflow \/no\/workflow\.json cannot be read/, /options/],
  ];
  for (const [more, says, hint] of cases) {
    const run = await home.rbee([...spawnArgs('--name', 'failing', ...more), '--json']);
    assert.equal(run.code, 1, run.stdout);
    const { error } = JSON.parse(run.stdout);
    assert.equal(error.code, 'WORKER_FAILED');
    assert.match(error.message, says);
    assert.match(error.hint, hint);
  }
});
