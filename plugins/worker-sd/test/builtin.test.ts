/** Tests the builtin engine: real programs, the real pipeline, the demo model. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import sharp from 'sharp';
import { resolveType } from '../../../core/conformance/index.ts';
import { type TinyPipelineOptions, tinyPipeline } from '../demo/tiny-pipeline.ts';
import { writeModel } from '../demo/write-model.ts';
import type from '../index.ts';
import {
  builtin,
  bytesOf,
  type ImageAnswer,
  launchWorker,
  readEvents,
  startWorker,
  until,
  type Worker,
} from './worker.ts';

const plugin = resolveType(type);

const folder = mkdtempSync(join(tmpdir(), 'rbee-sd-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const model = (name: string, options?: TinyPipelineOptions): string => {
  writeModel(join(folder, name), tinyPipeline(options));
  return join(folder, name);
};
const demo = model('demo');

/** Mean red, green and blue of an image. */
const meanOf = async (image: Buffer): Promise<number[]> =>
  (await sharp(image).stats()).channels.slice(0, 3).map(({ mean }) => mean);
const small = { size: '64x64', steps: 4, seed: 1 };

describe('the builtin engine', () => {
  let worker: Worker;
  before(async () => {
    worker = await startWorker(builtin, { model: demo, options: { max_images: 4, max_size: 1024, max_steps: 999 } });
  });
  after(() => worker?.end());

  const post = async (body: unknown, path = '/v1/images/generations') => {
    const response = await worker.fetch(path, body);
    return { status: response.status, body: (await response.json()) as ImageAnswer };
  };

  it('draws a PNG in the requested size and the colour of the prompt', async () => {
    const answer = await worker.draw({ prompt: 'a Red house', ...small, size: '128x64' });
    assert.equal(answer.size, '128x64');
    assert.ok(Math.abs(answer.created - Date.now() / 1000) < 3600);
    const image = bytesOf(answer);
    const { format, width, height, channels } = await sharp(image).metadata();
    assert.deepEqual([format, width, height, channels], ['png', 128, 64, 3]);
    const [red = 0, green = 0, blue = 0] = await meanOf(image);
    assert.ok(red > green + 50 && red > blue + 50, `${red} ${green} ${blue}`);
  });

  it('uses the default size of the model', async () => {
    for (const size of [undefined, null, 'auto']) {
      assert.equal((await worker.draw({ prompt: 'red', steps: 1, size })).size, '256x256');
    }
  });

  it('returns the same bytes for the same seed, and others for another seed, prompt or negative prompt', async () => {
    const first = bytesOf(await worker.draw({ prompt: 'blue', ...small }));
    assert.deepEqual(bytesOf(await worker.draw({ prompt: 'blue', ...small })), first);
    const others = [{ seed: 2 }, { prompt: 'green' }, { negative_prompt: 'yellow' }, { guidance: 3 }, { steps: 5 }];
    for (const other of others) {
      assert.notDeepEqual(
        bytesOf(await worker.draw({ prompt: 'blue', ...small, ...other })),
        first,
        JSON.stringify(other),
      );
    }
  });

  it('chooses a random seed by default, and returns it', async () => {
    const [one, two] = [
      await worker.draw({ prompt: 'red', ...small, seed: -1 }),
      await worker.draw({ prompt: 'red', ...small, seed: null }),
    ];
    assert.notEqual(one.data[0]?.seed, two.data[0]?.seed);
    assert.deepEqual(bytesOf(await worker.draw({ prompt: 'red', ...small, seed: one.data[0]?.seed })), bytesOf(one));
  });

  it('draws several images with consecutive seeds', async () => {
    const answer = await worker.draw({ prompt: 'blue', ...small, n: 3 });
    assert.deepEqual(
      answer.data.map(({ seed }) => seed),
      [1, 2, 3],
    );
    assert.deepEqual(bytesOf(answer, 1), bytesOf(await worker.draw({ prompt: 'blue', ...small, seed: 2 })));
  });

  it('accepts the field names of other programs', async () => {
    const plain = bytesOf(
      await worker.draw({ prompt: 'blue', size: '64x64', seed: 1, steps: 6, guidance: 3, sampler: 'euler' }),
    );
    const same = [
      { num_inference_steps: 6, guidance_scale: 3, sampler_name: 'euler' },
      { steps: 6, cfg_scale: 3, sampler: 'euler' },
    ];
    for (const fields of same) {
      assert.deepEqual(bytesOf(await worker.draw({ prompt: 'blue', size: '64x64', seed: 1, ...fields })), plain);
    }
  });

  it('has several samplers, all of which draw the colour', async () => {
    for (const sampler of ['ddim', 'euler', 'euler_a', 'dpm++2m']) {
      const image = bytesOf(await worker.draw({ prompt: 'blue', ...small, steps: 8, sampler }));
      const [red = 0, , blue = 0] = await meanOf(image);
      assert.ok(blue > red + 50, `${sampler}: ${red} ${blue}`);
    }
  });

  it('sends JPEG and WebP on request, smaller with less quality', async () => {
    for (const format of ['jpeg', 'webp']) {
      const sizes: number[] = [];
      for (const output_compression of [10, 95]) {
        const answer = await worker.draw({ prompt: 'red', ...small, output_format: format, output_compression });
        assert.equal(answer.output_format, format);
        assert.equal((await sharp(bytesOf(answer)).metadata()).format, format);
        sizes.push(bytesOf(answer).length);
      }
      assert.ok(sizes[0]! < sizes[1]!, `${format}: ${sizes}`);
    }
  });

  it('returns a data URL on request', async () => {
    const answer = await worker.draw({ prompt: 'red', ...small, response_format: 'url' });
    assert.equal(answer.data[0]?.b64_json, undefined);
    const image = Buffer.from(await (await fetch(answer.data[0]?.url ?? '')).arrayBuffer());
    assert.deepEqual(image, bytesOf(await worker.draw({ prompt: 'red', ...small })));
  });

  it('answers bad requests with 400 and the wrong field', async () => {
    const wrong: [unknown, string | null, RegExp][] = [
      ['{"prompt": ', null, /./],
      [{}, 'prompt', /required/],
      [{ prompt: '' }, 'prompt', /empty/],
      [{ prompt: ' \n' }, 'prompt', /empty/],
      [{ prompt: 7 }, 'prompt', /string/],
      [{ prompt: 'x'.repeat(40_000) }, 'prompt', /32000/],
      [{ prompt: 'a', n: 5 }, 'n', /<= 4/],
      [{ prompt: 'a', n: 0 }, 'n', />= 1/],
      [{ prompt: 'a', size: 'large' }, 'size', /WIDTHxHEIGHT/],
      [{ prompt: 'a', size: '100x96' }, 'size', /multiple of 8.*96 and 104/],
      [{ prompt: 'a', size: '2048x512' }, 'size', /64 to 1024/],
      [{ prompt: 'a', size: '8x8' }, 'size', /64 to 1024/],
      [{ prompt: 'a', size: '512' }, 'size', /WIDTHxHEIGHT/],
      [{ prompt: 'a', steps: 0 }, 'steps', />= 1/],
      [{ prompt: 'a', num_inference_steps: 1000 }, 'num_inference_steps', /at most 999/],
      [{ prompt: 'a', guidance: -1 }, 'guidance', />= 0/],
      [{ prompt: 'a', seed: 1.5 }, 'seed', /integer/],
      [{ prompt: 'a', sampler: 'magic' }, 'sampler', /ddim, euler/],
      [{ prompt: 'a', response_format: 'png' }, 'response_format', /must be one of \w+/],
      [{ prompt: 'a', output_format: 'gif' }, 'output_format', /must be one of \w+/],
      [{ prompt: 'a', output_compression: 101 }, 'output_compression', /<= 100/],
      [{ prompt: 'a', background: 'transparent' }, 'background', /transparent/],
      [{ prompt: 'a', partial_images: 4 }, 'partial_images', /<= 3/],
    ];
    for (const [request, param, says] of wrong) {
      const { status, body } = await post(request);
      const what = JSON.stringify(request).slice(0, 100);
      assert.equal(status, 400, what);
      assert.equal(body.error?.type, 'invalid_request_error', what);
      assert.equal(body.error?.param, param, what);
      assert.match(body.error?.message ?? '', says, what);
    }
    assert.equal((await post({ prompt: 'a', model: 'other' })).status, 404);
  });

  it('ignores unknown fields', async () => {
    const more = {
      user: 'me',
      quality: 'hd',
      style: 'vivid',
      moderation: 'low',
      background: 'opaque',
      model: 'demo:latest',
    };
    assert.equal((await post({ prompt: 'red', ...small, ...more })).status, 200);
  });

  it('cuts a prompt that is longer than the model reads, and logs it', async () => {
    const words = 'grey '.repeat(80);
    const plain = bytesOf(await worker.draw({ prompt: words, ...small }));
    assert.deepEqual(bytesOf(await worker.draw({ prompt: `${words} red`, ...small })), plain);
    assert.ok(worker.log.some((line) => line.includes('longer than the model reads')));
  });

  it('streams steps, previews, and finished images', async () => {
    const body = { prompt: 'red', ...small, n: 2, stream: true, partial_images: 2 };
    const response = await worker.fetch('/v1/images/generations', body);
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
    const events = await readEvents(response);
    assert.equal(events.pop(), '[DONE]');
    const data = events.map((event) => {
      assert.ok(event !== '[DONE]');
      assert.equal(event.name, event.data.type);
      return event.data;
    });
    const steps = data.filter(({ type }) => type === 'image_generation.progress');
    assert.deepEqual(
      steps.map(({ step, steps: all }) => `${step}/${all}`),
      ['1/8', '2/8', '3/8', '4/8', '5/8', '6/8', '7/8', '8/8'],
    );
    const partial = data.filter(({ type }) => type === 'image_generation.partial_image');
    assert.deepEqual(
      partial.map(({ partial_image_index }) => partial_image_index),
      [0, 1, 0, 1],
    );
    for (const { b64_json } of partial)
      assert.equal((await sharp(Buffer.from(b64_json!, 'base64')).metadata()).width, 64);
    const completed = data.filter(({ type }) => type === 'image_generation.completed');
    const whole = await worker.draw({ prompt: 'red', ...small, n: 2 });
    assert.deepEqual(
      completed.map(({ b64_json }) => b64_json),
      whole.data.map(({ b64_json }) => b64_json),
    );
    assert.equal(completed[0]?.size, '64x64');
  });

  it('refuses a bad request for a stream with a status', async () => {
    const { status, body } = await post({ prompt: 'a', size: '1x1', stream: true });
    assert.deepEqual([status, body.error?.param], [400, 'size']);
  });

  const long = { prompt: 'red', size: '1024x1024', steps: 900, seed: 1 };

  it('answers health checks while drawing, and stops drawing when the client disconnects', async () => {
    const leaving = new AbortController();
    const drawn = worker.fetch('/v1/images/generations', { ...long, stream: true }, { signal: leaving.signal });
    const reader = (await drawn).body!.getReader();
    await reader.read();
    assert.equal((await fetch(`${worker.url}/health`)).status, 200);
    assert.equal((await worker.load()).running, 1);
    leaving.abort();
    await reader.read().catch(() => {});
    await until(async () => (await worker.load()).running === 0);
    // The next one is drawn at once, by the same thread.
    assert.equal((await post({ prompt: 'red', ...small })).status, 200);
    assert.match(await (await worker.fetch('/metrics')).text(), /status="499"\} [1-9]/);
  });

  it('draws requests one after the other', async () => {
    const leaving = new AbortController();
    const first = worker.fetch('/v1/images/generations', long, { signal: leaving.signal });
    await until(async () => (await worker.load()).running === 1);
    const second = post({ prompt: 'blue', ...small });
    await until(async () => (await worker.load()).waiting === 1);
    leaving.abort();
    await assert.rejects(first);
    assert.equal((await second).status, 200);
    const both = await Promise.all(['red', 'blue'].map((prompt) => worker.draw({ prompt, ...small })));
    const alone = await worker.draw({ prompt: 'red', ...small });
    assert.deepEqual(bytesOf(both[0]!), bytesOf(alone));
  });
});

describe('editing with the builtin engine', () => {
  let worker: Worker;
  before(async () => {
    worker = await startWorker(builtin, { model: demo });
  });
  after(() => worker?.end());

  const solid = (width: number, height: number, background: string) =>
    sharp({ create: { width, height, channels: 4, background } })
      .png()
      .toBuffer();
  const form = (fields: Record<string, string>, files: [string, Buffer][]) => {
    const made = new FormData();
    for (const [name, value] of Object.entries(fields)) made.append(name, value);
    for (const [name, bytes] of files) made.append(name, new Blob([new Uint8Array(bytes)]), `${name}.png`);
    return made;
  };
  const edit = async (fields: Record<string, string>, files: [string, Buffer][]) => {
    const response = await worker.fetch('/v1/images/edits', form(fields, files));
    return { status: response.status, body: (await response.json()) as ImageAnswer };
  };
  const fields = { prompt: 'red', size: '64x64', steps: '8', seed: '1' };

  it('changes an image more with more strength', async () => {
    const blue = await solid(64, 64, '#2040d0');
    const reds: number[] = [];
    for (const strength of ['0.25', '1']) {
      const { status, body } = await edit({ ...fields, strength }, [['image', blue]]);
      assert.equal(status, 200, String(body.error?.message));
      reds.push((await meanOf(bytesOf(body)))[0]!);
    }
    assert.ok(reds[0]! < reds[1]! - 20, `${reds}`);
    const again = await edit({ ...fields, strength: '1' }, [['image', blue]]);
    const twice = await edit({ ...fields, strength: '1' }, [['image[]', blue]]);
    assert.deepEqual(bytesOf(again.body), bytesOf(twice.body));
  });

  it('keeps every pixel outside the mask', async () => {
    const blue = await solid(64, 64, '#2040d0');
    const hole = await sharp(await solid(64, 64, '#fff'))
      .composite([{ input: await solid(32, 64, '#000'), left: 0, top: 0, blend: 'dest-out' }])
      .png()
      .toBuffer();
    const left = (image: Buffer) =>
      meanOf(image)
        .then(() => sharp(image).extract({ left: 0, top: 0, width: 32, height: 64 }).png().toBuffer())
        .then(meanOf);
    const right = async (image: Buffer) => [
      ...new Set(
        (await sharp(image).extract({ left: 32, top: 0, width: 32, height: 64 }).removeAlpha().raw().toBuffer())
          .toString('hex')
          .match(/.{6}/g),
      ),
    ];
    const masked = await edit(fields, [
      ['image', blue],
      ['mask', hole],
    ]);
    assert.equal(masked.status, 200, String(masked.body.error?.message));
    assert.deepEqual(await right(bytesOf(masked.body)), ['2040d0']);
    assert.ok((await left(bytesOf(masked.body)))[0]! > 0x40);
    // A transparent part of the image itself is a mask, and so is the light part of a mask without transparency.
    const cut = await sharp(blue)
      .composite([{ input: await solid(32, 64, '#000'), left: 0, top: 0, blend: 'dest-out' }])
      .png()
      .toBuffer();
    const light = await sharp(await solid(64, 64, '#000'))
      .composite([{ input: await solid(32, 64, '#fff'), left: 0, top: 0 }])
      .removeAlpha()
      .png()
      .toBuffer();
    for (const files of [
      [['image', cut]],
      [
        ['image', blue],
        ['mask', light],
      ],
    ] as [string, Buffer][][]) {
      assert.deepEqual(await right(bytesOf((await edit(fields, files)).body)), ['2040d0']);
    }
  });

  it('keeps the shape of an image by default', async () => {
    const { body } = await edit({ prompt: 'red', steps: '1' }, [['image', await solid(900, 450, '#0f0')]]);
    assert.equal(body.size, '256x128');
  });

  it('streams like generations, with its own event names', async () => {
    const files: [string, Buffer][] = [['image', await solid(64, 64, '#0f0')]];
    const response = await worker.fetch(
      '/v1/images/edits',
      form({ ...fields, stream: 'true', strength: '0.5' }, files),
    );
    const events = await readEvents(response);
    const names = events.map((event) =>
      event === '[DONE]' ? event : `${event.data.type} ${event.data.step ?? ''}`.trim(),
    );
    const steps = [1, 2, 3, 4].map((step) => `image_edit.progress ${step}`);
    assert.deepEqual(names, [...steps, 'image_edit.completed', '[DONE]']);
  });

  it('names the wrong part of the form', async () => {
    const image: [string, Buffer] = ['image', await solid(64, 64, '#0f0')];
    const wrong: [Record<string, string>, [string, Buffer][], string][] = [
      [{ size: '64x64' }, [image], 'prompt'],
      [fields, [], 'image'],
      [fields, [image, image], 'image'],
      [fields, [['image', Buffer.from('no picture')]], 'image'],
      [fields, [['image', image[1].subarray(0, 60)]], 'image'],
      [fields, [['image', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>')]], 'image'],
      [fields, [image, ['mask', Buffer.from('no mask')]], 'mask'],
      [{ ...fields, strength: '2' }, [image], 'strength'],
      [{ ...fields, n: 'many' }, [image], 'n'],
      [{ ...fields, size: '65x64' }, [image], 'size'],
    ];
    for (const [sent, files, param] of wrong) {
      const { status, body } = await edit(sent, files);
      assert.deepEqual([status, body.error?.param], [400, param], `${JSON.stringify(sent)} ${body.error?.message}`);
    }
    assert.equal((await worker.fetch('/v1/images/edits', { prompt: 'a' })).status, 415);
  });
});

describe('models of other kinds in the builtin engine', { skip: atFullScale }, () => {
  const drawOne = async (path: string, body: object = {}) => {
    const worker = await startWorker(builtin, { model: path });
    try {
      return { image: bytesOf(await worker.draw({ prompt: 'blue', ...small, steps: 8, ...body })), worker };
    } finally {
      await worker.end();
    }
  };

  it('predict the velocity, and draw the same image', async () => {
    const velocity = await drawOne(model('velocity', { prediction: 'v_prediction' }));
    const noise = await drawOne(demo);
    const [one, two] = await Promise.all([velocity, noise].map(({ image }) => sharp(image).raw().toBuffer()));
    const most = one!.reduce((worst, value, index) => Math.max(worst, Math.abs(value - two![index]!)), 0);
    assert.ok(most <= 2, `a pixel differs by ${most}`);
  });

  it('use 16-bit inputs and outputs', async () => {
    const [one, two] = await Promise.all(
      [await drawOne(model('half', { half: true })), await drawOne(demo)].map(({ image }) =>
        sharp(image).raw().toBuffer(),
      ),
    );
    const most = one!.reduce((worst, value, index) => Math.max(worst, Math.abs(value - two![index]!)), 0);
    assert.ok(most > 0 && most <= 12, `a pixel differs by ${most}`);
  });

  it('have two text encoders and get the size, like SDXL', async () => {
    const path = model('xl', { xl: true });
    for (const [prompt, brightest] of [
      ['red', 0],
      ['blue', 2],
    ] as const) {
      const { image } = await drawOne(path, { prompt, size: '128x64' });
      const mean = await meanOf(image);
      assert.equal(mean.indexOf(Math.max(...mean)), brightest, `${prompt}: ${mean}`);
    }
  });

  it('draw in a few steps without guidance if distilled', async () => {
    const turbo = model('turbo', {
      scheduler: { _class_name: 'EulerDiscreteScheduler', timestep_spacing: 'trailing' },
    });
    const worker = await startWorker(builtin, { model: turbo });
    const response = await worker.fetch('/v1/images/generations', { prompt: 'red', size: '64x64', stream: true });
    const steps = (await readEvents(response)).filter((event) => event !== '[DONE]' && event.data.step !== undefined);
    assert.equal(steps.length, 4);
    await worker.end();
  });

  it('cannot edit without a VAE encoder, and say so', async () => {
    const path = model('without-encoder');
    rmSync(join(path, 'vae_encoder'), { recursive: true });
    const worker = await startWorker(builtin, { model: path });
    const form = new FormData();
    form.append('prompt', 'red');
    form.append('image', new Blob(['x']), 'a.png');
    const response = await worker.fetch('/v1/images/edits', form);
    assert.equal(response.status, 400);
    assert.match(((await response.json()) as ImageAnswer).error?.message ?? '', /no VAE encoder/);
    await worker.end();
  });

  const broken: [string, (path: string) => void, string, RegExp][] = [
    ['no UNet', (path) => rmSync(join(path, 'unet'), { recursive: true }), 'bad_model', /no unet\/model\.onnx/],
    ['no index', (path) => rmSync(join(path, 'model_index.json')), 'bad_model', /model_index\.json/],
    ['no tokenizer', (path) => rmSync(join(path, 'tokenizer/vocab.json')), 'bad_model', /vocab\.json/],
    ['a truncated UNet', (path) => truncateSync(join(path, 'unet/model.onnx'), 5000), 'bad_model', /unet\/model\.onnx/],
    ['an empty decoder', (path) => truncateSync(join(path, 'vae_decoder/model.onnx'), 0), 'bad_model', /vae_decoder/],
    ['garbage for JSON', (path) => writeFileSync(join(path, 'model_index.json'), '{'), 'bad_model', /not JSON/],
    [
      'a scheduler of another kind',
      (path) => writeFileSync(join(path, 'scheduler/scheduler_config.json'), '{"prediction_type":"flow"}'),
      'unsupported_model',
      /prediction_type "flow"/,
    ],
    [
      'a transformer instead of a UNet',
      (path) => writeFileSync(join(path, 'model_index.json'), '{"_class_name":"FluxPipeline","transformer":[]}'),
      'unsupported_model',
      /FluxPipeline/,
    ],
  ];
  for (const [what, breakIt, cause, says] of broken) {
    it(`end the worker with a sentence if they have ${what}`, async () => {
      const path = join(folder, what.replaceAll(' ', '-'));
      cpSync(demo, path, { recursive: true });
      breakIt(path);
      const worker = await launchWorker(builtin, { model: path });
      const failure = await worker.failure(false);
      const diagnosis = plugin.diagnose(failure);
      assert.equal(diagnosis?.cause, cause, failure.log.join('\n'));
      assert.match(diagnosis?.message ?? '', says);
      assert.ok(diagnosis?.hint);
    });
  }

  it('end the worker if they are files for sd-server, or missing', async () => {
    const file = join(folder, 'model.gguf');
    writeFileSync(file, 'GGUF');
    for (const path of [file, join(folder, 'none')]) {
      const worker = await launchWorker(builtin, { model: path });
      const diagnosis = plugin.diagnose(await worker.failure(false));
      assert.equal(diagnosis?.cause, path === file ? 'unsupported_model' : 'missing_model');
    }
  });
});

describe('the life of the builtin engine', () => {
  it('drains on SIGTERM: finishes the drawing, refuses waiting requests, and exits with 0', async () => {
    const worker = await startWorker(builtin, { model: demo, options: { max_steps: 1000 } });
    const drawing = worker.draw({ prompt: 'red', size: '512x512', steps: 300, seed: 1 });
    await until(async () => (await worker.load()).running === 1);
    worker.child.kill('SIGTERM');
    await until(() => worker.log.some((line) => line.includes('draining')));
    assert.equal((await worker.fetch('/v1/images/generations', { prompt: 'a' })).status, 503);
    assert.ok(bytesOf(await drawing).length > 0);
    assert.deepEqual(await worker.ended, { code: 0, signal: null });
  });

  it('refuses requests with 429 if its queue is full', async () => {
    const worker = await startWorker(builtin, { model: demo, options: { queue_limit: 0, max_steps: 1000 } });
    const leaving = new AbortController();
    const body = { prompt: 'red', size: '1024x1024', steps: 1000 };
    const first = worker.fetch('/v1/images/generations', body, { signal: leaving.signal });
    await until(async () => (await worker.load()).running === 1);
    const refused = await worker.fetch('/v1/images/generations', { prompt: 'a' });
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1']);
    leaving.abort();
    await assert.rejects(first);
    await worker.end();
  });

  it('reports that its port is in use', async () => {
    const worker = await startWorker(builtin, { model: demo });
    const second = await launchWorker(builtin, { model: demo, port: Number(new URL(worker.url).port) });
    assert.equal(plugin.diagnose(await second.failure(false))?.cause, 'port_in_use');
    await worker.end();
  });
});
