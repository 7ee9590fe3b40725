/** Tests the adapter with a stand-in for sd-server, not with sd-server itself. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import sharp from 'sharp';
import { resolveType } from '../../../core/conformance/index.ts';
import { tinyPipeline } from '../demo/tiny-pipeline.ts';
import { writeModel } from '../demo/write-model.ts';
import type from '../index.ts';
import {
  bytesOf,
  type ImageAnswer,
  launchWorker,
  readEvents,
  standIn,
  startWorker,
  until,
  type Worker,
} from './worker.ts';

const plugin = resolveType(type);

const folder = mkdtempSync(join(tmpdir(), 'rbee-sd-server-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, content = 'GGUF') => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const model = file('model.gguf');
const vae = file('vae.safetensors');
const encoder = file('clip.safetensors');

/** The last job that the program received. */
const lastJob = ({ log }: Worker) =>
  JSON.parse(/- job (\{.*\})/.exec(log.findLast((line) => line.includes('- job {')) ?? '')?.[1] ?? '{}');

describe('sd-server behind its adapter', () => {
  let worker: Worker;
  before(async () => {
    worker = await startWorker(standIn(), { model, options: { max_size: 256 } });
  });
  after(() => worker?.end());

  it('shows loading progress', () => {
    assert.ok(
      worker.log.some((line) => /^sd: loading 50 %$/.test(line)),
      worker.log.join('\n'),
    );
  });

  it('draws with the settings of the request, or else its own', async () => {
    const more = { size: '64x128', steps: 3, guidance: 4.5, seed: 7, negative_prompt: 'rain', sampler: 'euler' };
    const answer = await worker.draw({ prompt: 'a bee', ...more });
    const { format, width, height } = await sharp(bytesOf(answer)).metadata();
    assert.deepEqual([format, width, height], ['png', 64, 128]);
    const job = lastJob(worker);
    assert.deepEqual(job.sample_params, { sample_steps: 3, guidance: { txt_cfg: 4.5 }, sample_method: 'euler' });
    assert.deepEqual([job.prompt, job.negative_prompt, job.seed, job.batch_count], ['a bee', 'rain', 7, 1]);
    await worker.draw({ prompt: 'a bee' });
    assert.deepEqual(lastJob(worker).sample_params, { sample_steps: 6, guidance: { txt_cfg: 5 } });
    assert.equal(lastJob(worker).width, 128);
  });

  it('returns the same bytes for the same seed, and several images with consecutive seeds', async () => {
    const [one, two] = [await worker.draw({ prompt: 'a', seed: 1, n: 2 }), await worker.draw({ prompt: 'a', seed: 2 })];
    assert.deepEqual(bytesOf(one, 1), bytesOf(two));
    assert.notDeepEqual(bytesOf(one), bytesOf(two));
  });

  it('never forwards parameters in a prompt', async () => {
    const hidden = '<sd_cpp_extra_args>{"width":4096}</sd_cpp_extra_args>';
    await worker.draw({ prompt: `a ${hidden}bee`, negative_prompt: hidden });
    assert.deepEqual([lastJob(worker).prompt, lastJob(worker).negative_prompt], ['a  bee', '']);
    const response = await worker.fetch('/v1/images/generations', { prompt: hidden });
    assert.equal(response.status, 400);
  });

  it('refuses invalid values before they reach the program', async () => {
    for (const [wrong, param] of [
      [{ sampler: 'ddim' }, 'sampler'],
      [{ size: '512x512' }, 'size'],
      [{ prompt: '' }, 'prompt'],
    ] as const) {
      const response = await worker.fetch('/v1/images/generations', { prompt: 'a', ...wrong });
      assert.deepEqual([response.status, ((await response.json()) as ImageAnswer).error?.param], [400, param]);
    }
  });

  it('edits: forwards image, mask and strength', async () => {
    const picture = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#00f' } })
      .png()
      .toBuffer();
    const form = new FormData();
    for (const name of ['image', 'mask']) form.append(name, new Blob([new Uint8Array(picture)]), 'a.png');
    for (const [name, value] of Object.entries({ prompt: 'red', size: '64x64', strength: '0.5' }))
      form.append(name, value);
    const response = await worker.fetch('/v1/images/edits', form);
    assert.equal(response.status, 200);
    assert.deepEqual([lastJob(worker).images, lastJob(worker).strength], [2, 0.5]);
  });

  it("streams steps from the program's progress bar", async () => {
    const response = await worker.fetch('/v1/images/generations', {
      prompt: 'a',
      steps: 4,
      stream: true,
      partial_images: 2,
    });
    const names = (await readEvents(response)).map((event) =>
      event === '[DONE]' ? event : `${event.data.type} ${event.data.step ?? ''}`.trim(),
    );
    const steps = [1, 2, 3, 4].map((step) => `image_generation.progress ${step}`);
    assert.deepEqual(names, [...steps, 'image_generation.completed', '[DONE]']);
  });

  it('ends with the adapter', async () => {
    const other = await startWorker(standIn(), { model });
    other.child.kill('SIGTERM');
    assert.deepEqual(await other.ended, { code: 0, signal: null });
  });
});

describe('a client of sd-server that disconnects', () => {
  const leave = async (worker: Worker, steps: number) => {
    const leaving = new AbortController();
    const body = { prompt: 'a', steps, stream: true };
    const response = await worker.fetch('/v1/images/generations', body, { signal: leaving.signal });
    // The first event arrives once the first step is done.
    await response.body!.getReader().read();
    leaving.abort();
  };
  const isRestart = (line: string) => line.includes('restarting sd-server');

  it('ends a drawing that would take longer than loading again', async () => {
    const worker = await startWorker(standIn('--step-ms=400'), { model, options: { max_steps: 1000 } });
    await leave(worker, 1000);
    await until(() => worker.log.some(isRestart));
    await worker.draw({ prompt: 'b', steps: 1 });
    assert.equal(worker.log.filter((line) => line.includes('listening on: ')).length, 2);
    await worker.end();
  });

  it('lets a drawing finish that is nearly done', async () => {
    const worker = await startWorker(standIn('--step-ms=20', '--load-ms=1500'), { model });
    await leave(worker, 5);
    await worker.draw({ prompt: 'b', steps: 1 });
    assert.ok(!worker.log.some(isRestart));
    await worker.end();
  });
});

describe('sd-server in trouble', { skip: atFullScale }, () => {
  const failing = async (engine: ReturnType<typeof standIn>, request: Parameters<typeof launchWorker>[1]) =>
    plugin.diagnose(await (await launchWorker(engine, request)).failure(false));

  it('is diagnosed by its log, and exit code 0 is a failure too', async () => {
    const text = file('text.gguf', 'this is no model');
    const none = join(folder, 'none.gguf');
    const cases: [Awaited<ReturnType<typeof failing>>, string, RegExp][] = [
      [await failing(standIn('--fail=silently'), { model }), 'crashed', /exit code 0 before it was ready/],
      [await failing(standIn(), { model: none }), 'bad_model', /none\.gguf/],
      [await failing(standIn(), { model: text }), 'unsupported_model', /text\.gguf/],
      [await failing(standIn(), { model, options: { extra_args: ['--nope'] } }), 'bad_option', /--nope/],
      [
        await failing({ ...standIn(), argv: ['/no/such/sd-server'] }, { model }),
        'missing_library',
        /cannot be started/,
      ],
    ];
    for (const [diagnosis, cause, says] of cases) {
      assert.equal(diagnosis?.cause, cause, String(diagnosis?.message));
      assert.match(diagnosis?.message ?? '', says);
    }
  });

  it('is started on another port if it ends without an error, as it does if its port is in use', async () => {
    const worker = await launchWorker(standIn('--fail=silently'), { model });
    await worker.ended;
    assert.equal(worker.log.filter((line) => line.includes('trying another port')).length, 2);
  });

  it('ends its adapter when it dies while drawing, so that the hive restarts both', async () => {
    const worker = await startWorker(standIn('--fail=abort'), { model });
    await assert.rejects(worker.draw({ prompt: 'a', steps: 4 }));
    const failure = await worker.failure(true);
    assert.equal(failure.exit?.code, 134);
    assert.match(plugin.diagnose(failure)?.message ?? '', /SIGABRT/);
  });

  it('reports an image that does not fit into memory, and continues', async () => {
    const worker = await startWorker(standIn('--fail=memory'), { model });
    const response = await worker.fetch('/v1/images/generations', { prompt: 'a', steps: 4 });
    assert.equal(response.status, 500);
    assert.equal(((await response.json()) as ImageAnswer).error?.code, 'out_of_memory');
    await worker.draw({ prompt: 'a', steps: 1 });
    await worker.end();
  });

  it('reports a full queue as busy', async () => {
    const worker = await startWorker(standIn('--fail=full'), { model });
    const response = await worker.fetch('/v1/images/generations', { prompt: 'a' });
    assert.deepEqual([response.status, response.headers.get('retry-after')], [429, '1']);
    await worker.end();
  });
});

describe('models for sd-server', () => {
  it('come in parts if they have separate text encoders', async () => {
    const worker = await startWorker(standIn(), { model, models: { vae, clip_l: encoder } });
    await worker.draw({ prompt: 'a', steps: 1 });
    await worker.end();
  });

  it('use the builtin engine if they are ONNX pipelines', async () => {
    const path = join(folder, 'pipeline');
    writeModel(path, tinyPipeline());
    const worker = await startWorker(standIn(), { model: path });
    assert.ok(worker.log.some((line) => line.includes('the builtin engine draws')));
    assert.equal((await worker.draw({ prompt: 'red', size: '64x64', steps: 2 })).size, '64x64');
    await worker.end();
  });
});
