/** Tests the adapter with the stand-in: images with OpenAI's API, ComfyUI's own API, failures. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import { resolveType } from '../../../core/conformance/index.ts';
import type from '../index.ts';
import { sizeOf } from './png.ts';
import { writeFolder, writeProgram } from './stand-in-binary.ts';
import { launchWorker, until, type Worker, type WorkerRequest } from './worker.ts';

const plugin = resolveType(type);

const folder = mkdtempSync(join(tmpdir(), 'rbee-comfyui-'));
const program = writeProgram(join(folder, 'bin'));
const directory = writeFolder(join(folder, 'ComfyUI'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

type Request = Omit<WorkerRequest, 'cwd'>;
const launch = async (request: Request = { program }) => launchWorker({ ...request, cwd: folder });
const file = (name: string, content: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

interface Image {
  b64_json?: string;
  url?: string;
  seed: number;
}
interface Body {
  data?: Image[];
  size?: string;
  error?: { message: string; type: string; param: string | null; code: string | null };
}
const images = '/v1/images/generations';
const bytes = ({ b64_json = '' }: Image) => Buffer.from(b64_json, 'base64');

describe('images', () => {
  let worker: Worker;
  before(async () => {
    worker = await launch();
    await worker.ready();
  });
  const ask = async (body: object) => {
    const response = await worker.fetch(images, body);
    return { status: response.status, body: (await response.json()) as Body };
  };

  it('have the requested size, and are the same for the same seed', async () => {
    const request = { prompt: 'a bee', size: '96x64', seed: 7 };
    const { status, body } = await ask(request);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.size, '96x64');
    const [image] = body.data ?? [];
    assert.ok(image);
    assert.deepEqual(sizeOf(bytes(image)), [96, 64]);
    assert.equal(image.seed, 7);
    assert.deepEqual((await ask(request)).body.data, body.data);
    assert.notDeepEqual((await ask({ ...request, seed: 8 })).body.data?.[0]?.b64_json, image.b64_json);
    assert.notDeepEqual((await ask({ ...request, negative_prompt: 'wasps' })).body.data?.[0]?.b64_json, image.b64_json);
  });

  it('have consecutive seeds, and come as a URL on request', async () => {
    const { body } = await ask({ model: 'tiny', prompt: 'bees', n: 3, seed: 5, response_format: 'url' });
    assert.deepEqual(
      body.data?.map(({ seed }) => seed),
      [5, 6, 7],
    );
    assert.match(body.data?.[0]?.url ?? '', /^data:image\/png;base64,/);
    assert.deepEqual(sizeOf(Buffer.from(body.data?.[0]?.url?.split(',')[1] ?? '', 'base64')), [64, 64]);
  });

  it('are streamed with steps', async () => {
    const response = await worker.fetch(images, { prompt: 'a bee', n: 2, seed: 1, stream: true });
    const blocks = (await response.text()).split('\n\n').filter((block) => block.includes('data: '));
    const events = blocks.map((block) => block.slice(block.indexOf('data: ') + 6)).filter((data) => data !== '[DONE]');
    const read = events.map(
      (data) => JSON.parse(data) as { type: string; step?: number; steps?: number; image: number },
    );
    const steps = read.filter(({ type }) => type === 'image_generation.progress');
    assert.deepEqual(
      steps.map(({ step, steps: all, image }) => [step, all, image]),
      [0, 1].flatMap((image) => [1, 2, 3, 4].map((step) => [step, 4, image])),
    );
    const completed = read.filter(({ type }) => type === 'image_generation.completed');
    assert.deepEqual(
      completed.map(({ image }) => image),
      [0, 1],
    );
    assert.deepEqual(sizeOf(bytes(completed[0] as unknown as Image)), [64, 64]);
  });

  it("leave nothing in ComfyUI's history", async () => {
    await ask({ prompt: 'a bee' });
    await until(async () => Object.keys((await (await worker.fetch('/history')).json()) as object).length === 0);
  });

  it('are refused with the name of the wrong field', async () => {
    const cases: [object, string][] = [
      [{}, 'prompt'],
      [{ prompt: ' ' }, 'prompt'],
      [{ prompt: 'a', size: '63x64' }, 'size'],
      [{ prompt: 'a', size: 'large' }, 'size'],
      [{ prompt: 'a', n: 11 }, 'n'],
      [{ prompt: 'a', steps: 0 }, 'steps'],
      [{ prompt: 'a', output_format: 'webp' }, 'output_format'],
      [{ prompt: 'a', background: 'transparent' }, 'background'],
      [{ prompt: 'a', model: 'other' }, 'model'],
    ];
    for (const [body, param] of cases) {
      const { status, body: answer } = await ask(body);
      assert.ok(status === 400 || status === 404, JSON.stringify(answer));
      assert.equal(answer.error?.param, param);
    }
  });

  it('report what failed in ComfyUI, and the next one is drawn', async () => {
    const memory = await ask({ prompt: 'OUT OF MEMORY' });
    assert.equal(memory.status, 500);
    assert.equal(memory.body.error?.code, 'out_of_memory');
    assert.match(memory.body.error?.message ?? '', /not enough memory for this image, at node sampler \(KSampler\)/);
    const broken = await ask({ prompt: 'BREAK' });
    assert.equal(broken.body.error?.code, 'execution_error');
    assert.match(broken.body.error?.message ?? '', /RuntimeError: mat1 and mat2 shapes/);
    assert.equal((await ask({ prompt: 'a bee' })).status, 200);
  });

  it('are interrupted when their client disconnects', async () => {
    const leaving = new AbortController();
    const queue = async () =>
      (await (await worker.fetch('/queue')).json()) as { queue_running: unknown[]; queue_pending: unknown[] };
    const endless = worker.fetch(images, { prompt: 'FOR EVER' }, { signal: leaving.signal });
    endless.catch(() => {});
    await until(async () => (await queue()).queue_running.length === 1);
    const metrics = async () => (await worker.fetch(plugin.load.path)).text();
    await until(async () => (await metrics()).includes(`${plugin.load.running} 1`));
    assert.ok((await metrics()).includes(`${plugin.load.waiting} 0`));
    leaving.abort();
    await assert.rejects(endless);
    await until(async () => (await queue()).queue_running.length === 0);
    await until(async () => (await metrics()).includes(`${plugin.load.running} 0`));
  });

  it("are removed from ComfyUI's queue when their client disconnects, and report removal by others", async () => {
    const leaving = new AbortController();
    const graph = {
      1: { class_type: 'CLIPTextEncode', inputs: { text: 'FOR EVER' } },
      2: { class_type: 'SaveImage', inputs: {} },
    };
    await worker.fetch('/prompt', { prompt: graph });
    const pending = async () =>
      ((await (await worker.fetch('/queue')).json()) as { queue_pending: [number, string][] }).queue_pending;
    const left = worker.fetch(images, { prompt: 'a bee' }, { signal: leaving.signal });
    left.catch(() => {});
    await until(async () => (await pending()).length === 1);
    leaving.abort();
    await until(async () => (await pending()).length === 0);
    const emptied = ask({ prompt: 'a bee' });
    await until(async () => (await pending()).length === 1);
    await worker.fetch('/queue', { delete: (await pending()).map(([, id]) => id) });
    const { body } = await emptied;
    assert.equal(body.error?.code, 'interrupted');
    assert.match(body.error?.message ?? '', /removed from ComfyUI's queue/);
    await worker.fetch('/interrupt', {});
  });

  it('report an interrupt by others', async () => {
    const asked = ask({ prompt: 'FOR EVER' });
    await until(async () => (await (await worker.fetch('/queue')).text()).includes('FOR EVER'));
    await worker.fetch('/interrupt', {});
    assert.equal((await asked).body.error?.code, 'interrupted');
  });
});

describe('the API of ComfyUI', () => {
  let worker: Worker;
  before(async () => {
    worker = await launch();
    await worker.ready();
  });

  it('is forwarded unchanged: queries, prompts, their history and their files', async () => {
    const stats = (await (await worker.fetch('/system_stats')).json()) as { devices: { type: string }[] };
    assert.equal(stats.devices[0]?.type, 'cpu');
    const prompt = {
      1: { class_type: 'EmptyLatentImage', inputs: { width: 32, height: 16, batch_size: 1 } },
      2: { class_type: 'SaveImage', inputs: { images: ['1', 0] } },
    };
    const { prompt_id } = (await (await worker.fetch('/api/prompt', { prompt })).json()) as { prompt_id: string };
    let outputs: { images: { filename: string; type: string }[] } | undefined;
    await until(async () => {
      const history = (await (await worker.fetch(`/history/${prompt_id}`)).json()) as Record<
        string,
        { outputs: object }
      >;
      outputs = (history[prompt_id]?.outputs as Record<string, typeof outputs>)?.['2'];
      return outputs !== undefined;
    });
    const { filename = '', type = '' } = outputs?.images[0] ?? {};
    const view = await worker.fetch(`/view?${new URLSearchParams({ filename, type, subfolder: '' })}`);
    assert.equal(view.headers.get('content-type'), 'image/png');
    assert.deepEqual(sizeOf(Buffer.from(await view.arrayBuffer())), [32, 16]);
  });

  it('takes files', async () => {
    const form = new FormData();
    form.set('image', new Blob([Buffer.alloc(3_000_000)]), 'bee.png');
    const answer = await worker.fetch('/upload/image', undefined, { method: 'POST', body: form });
    const { name, bytes: received } = (await answer.json()) as { name: string; bytes: number };
    assert.equal(name, 'bee.png');
    assert.ok(received > 3_000_000);
  });

  it('keeps its own errors and statuses', async () => {
    const refused = await worker.fetch('/prompt', { prompt: { 1: { class_type: 'KSampler', inputs: {} } } });
    assert.equal(refused.status, 400);
    assert.match(await refused.text(), /prompt_no_outputs/);
    assert.equal((await worker.fetch('/view?filename=none')).status, 404);
    assert.equal((await worker.fetch('/api/nothing')).status, 404);
  });

  it("requires the worker's API key", async () => {
    assert.equal((await fetch(`${worker.url}/system_stats`)).status, 401);
  });
});

describe('ComfyUI and its models', () => {
  it('are found in a folder, with the Python of the environment beside it', async () => {
    const worker = await launch({ options: { directory } });
    await worker.ready();
    assert.equal((await worker.fetch(images, { prompt: 'a bee' })).status, 200);
  });

  it('include the folder of the model', async () => {
    mkdirSync(join(folder, 'my models'), { recursive: true });
    const model = file('my models/bee "1".safetensors', '');
    const worker = await launch({ program, model });
    await worker.ready();
    assert.equal((await worker.fetch(images, { prompt: 'a bee' })).status, 200);
    const info = await (await worker.fetch('/object_info/CheckpointLoaderSimple')).text();
    assert.ok(info.includes('bee \\"1\\".safetensors'));
  });

  it('include a folder of models, and a missing checkpoint is refused by name', async () => {
    const models = join(folder, 'shelf');
    mkdirSync(join(models, 'checkpoints'), { recursive: true });
    file('shelf/checkpoints/found.safetensors', '');
    const found = await launch({ program, options: { models_directory: models, checkpoint: 'found.safetensors' } });
    await found.ready();
    assert.equal((await found.fetch(images, { prompt: 'a bee' })).status, 200);
    const lost = await launch({ program, options: { checkpoint: 'lost.safetensors' } });
    await lost.ready();
    const answer = await lost.fetch(images, { prompt: 'a bee' });
    assert.equal(answer.status, 400);
    const { error } = (await answer.json()) as Body;
    assert.equal(error?.code, 'workflow_refused');
    assert.match(error?.message ?? '', /node model \(CheckpointLoaderSimple\): Value not in list: ckpt_name: 'lost/);
  });
});

describe('a workflow with nodes that compute at comfy.org', () => {
  it('is sent with the key from a secret, and refused without it', async () => {
    const workflow = file('partner.json', {
      1: { class_type: 'PartnerNode', inputs: { prompt: '{{prompt}}' } },
      2: { class_type: 'SaveImage', inputs: { images: ['1', 0] } },
    });
    const statusWith = async (options: object): Promise<number> => {
      const worker = await launch({ program, options: { workflow, ...options } });
      await worker.ready();
      return (await worker.fetch(images, { prompt: 'a bee' })).status;
    };
    assert.equal(await statusWith({}), 400);
    // By then, the hive has replaced `secret:NAME` by the value.
    assert.equal(await statusWith({ comfy_org_key: 'comfy-key' }), 200);
  });
});

describe('a workflow of your own', () => {
  const node = (class_type: string, inputs: object) => ({ class_type, inputs });
  const canvas = node('EmptyLatentImage', { width: '{{width}}', height: '{{ height }}' });
  const workflow = {
    1: canvas,
    2: node('CLIPTextEncode', { text: 'a painting of {{prompt}}, seed {{seed}}' }),
    3: node('KSampler', { steps: 2, seed: '{{seed}}' }),
    4: node('SaveImage', { images: ['1', 0] }),
    5: node('PreviewImage', { images: ['1', 0] }),
  };

  it('is filled with the values of the request, and returns the images that it saves', async () => {
    const worker = await launch({ program, options: { workflow: file('own.json', workflow) } });
    await worker.ready();
    const leaving = new AbortController();
    const endless = worker.fetch(images, { prompt: 'FOR EVER', seed: 3, size: '32x48' }, { signal: leaving.signal });
    endless.catch(() => {});
    let running: typeof workflow | undefined;
    await until(async () => {
      const { queue_running } = (await (await worker.fetch('/queue')).json()) as {
        queue_running: [number, string, typeof workflow][];
      };
      running = queue_running[0]?.[2];
      return running !== undefined;
    });
    leaving.abort();
    assert.deepEqual(running?.[1].inputs, { width: 32, height: 48 });
    assert.deepEqual(running?.[2].inputs, { text: 'a painting of FOR EVER, seed 3' });
    assert.deepEqual(running?.[3].inputs, { steps: 2, seed: 3 });
    const { data } = (await (await worker.fetch(images, { prompt: 'a bee' })).json()) as Body;
    assert.equal(data?.length, 1, 'the preview is returned too');
  });

  it('is refused before ComfyUI starts if it is invalid', async () => {
    const cases: [string, RegExp][] = [
      [join(folder, 'none.json'), /cannot be read/],
      [file('broken.json', '{'), /is not JSON/],
      [file('saved.json', { nodes: [], links: [] }), /format for saving: export it .* "Export \(API\)"/],
      [file('list.json', [1]), /is not a graph of nodes/],
      [file('deaf.json', { 1: canvas }), /has no placeholder \{\{prompt\}\}/],
      [
        file('odd.json', { 1: node('A', { text: '{{prompt}} {{colour}}' }) }),
        /has an unknown placeholder \{\{colour\}\}; known are: prompt/,
      ],
    ];
    for (const [workflow, says] of cases) {
      const worker = await launch({ program, options: { workflow } });
      const failure = await worker.failure(false);
      assert.equal(failure.exit?.code, 64);
      const diagnosis = plugin.diagnose(failure);
      assert.equal(diagnosis?.cause, 'bad_option');
      assert.match(diagnosis?.message ?? '', says);
    }
  });
});

describe('a ComfyUI that does not start or ends', { skip: atFullScale }, () => {
  const cases: [string, Request, cause: string, says: RegExp][] = [
    [
      'no such folder',
      { options: { directory: join(folder, 'gone') } },
      'missing_library',
      /no ComfyUI in .*gone: main\.py/,
    ],
    [
      'no such Python',
      { options: { directory, python: '/no/python' } },
      'missing_library',
      /no Python at \/no\/python/,
    ],
    [
      'no such program',
      { program: join(folder, 'none') },
      'missing_library',
      /cannot be started: there is no such program/,
    ],
    [
      'no such models',
      { program, options: { models_directory: '/no/models' } },
      'missing_model',
      /models_directory \/no\/models/,
    ],
    ['an argument', { program, options: { extra_args: ['--no-such-flag'] } }, 'bad_option', /arguments --no-such-flag/],
    [
      'no CUDA',
      { program, options: { extra_args: ['--fail=AssertionError: Torch not compiled with CUDA enabled'] } },
      'no_device',
      /built without CUDA/,
    ],
    [
      'no torch',
      { program, options: { extra_args: ["--fail=ModuleNotFoundError: No module named 'torch'"] } },
      'missing_library',
      /lacks torch/,
    ],
    ['anything', { program, options: { extra_args: ['--fail=KeyError: 5'] } }, 'crashed', /ended with KeyError: 5/],
  ];
  for (const [title, request, cause, says] of cases) {
    it(`says why: ${title}`, async () => {
      const worker = await launch(request);
      const diagnosis = plugin.diagnose(await worker.failure(false));
      assert.equal(diagnosis?.cause, cause);
      assert.match(diagnosis?.message ?? '', says);
      assert.ok(diagnosis?.hint);
    });
  }

  it('ends the adapter when it dies, and ends when the adapter is stopped', async () => {
    const dying = await launch();
    await dying.ready();
    const { system } = (await (await dying.fetch('/system_stats')).json()) as { system: { argv: string[] } };
    assert.deepEqual(system.argv.slice(0, 2), ['--listen', '127.0.0.1']);
    const stopped = await launch();
    await stopped.ready();
    stopped.child.kill('SIGTERM');
    const { exit, log } = await stopped.failure(true);
    assert.deepEqual(exit, { code: 0, signal: null });
    assert.match(log.join('\n'), /Stopped server/);
  });
});
