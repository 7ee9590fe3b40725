#!/usr/bin/env node
/**
 * A stand-in for stable-diffusion.cpp's `sd-server`: it imitates flags, log lines, the job API and quirks (no health path, no
 * signal handler, exit code 0 if its port is in use). It draws plain colours. Extra flags: `--step-ms=N` and `--load-ms=N` make
 * it slow, `--fail=…` makes it fail in a known way.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';

const withValue = [
  ...['--listen-ip', '--listen-port', '--model', '-m', '--diffusion-model', '--vae', '--clip_l', '--clip_g', '--t5xxl'],
  ...['--llm', '--taesd', '--backend', '--threads', '--type'],
];
const without = ['--diffusion-fa', '--offload-to-cpu', '--vae-tiling', '--eager-load', '--list-devices', '-v'];

const own: Record<string, string> = {};
const given: Record<string, string> = {};

const say = (text: string) => process.stdout.write(`[INFO ] stand-in.cpp:1    - ${text}\n`);
const complain = (text: string) => process.stderr.write(`[ERROR] stand-in.cpp:2    - ${text}\n`);
const end = (code: number): never => process.exit(code);

const readFlags = (argv: readonly string[]) => {
  for (let at = 0; at < argv.length; at += 1) {
    const flag = argv[at] ?? '';
    const [, name, value] = /^--(step-ms|load-ms|fail)=(.*)$/.exec(flag) ?? [];
    if (name !== undefined) own[name] = value ?? '';
    else if (withValue.includes(flag)) given[flag] = argv[++at] ?? '';
    else if (without.includes(flag)) given[flag] = 'yes';
    else {
      process.stderr.write(`error: unknown argument: ${flag}\n`);
      end(1);
    }
  }
};

/** Loads the model, or fails as sd-server does with a wrong one. */
const load = async () => {
  const model = given['--model'] ?? given['-m'] ?? given['--diffusion-model'];
  if (model === undefined) {
    process.stderr.write('error: the following arguments are required: model_path/diffusion_model\n');
    end(1);
    return;
  }
  say(`loading model from '${model}'`);
  const refuse = (text: string) => {
    complain(text);
    complain('new_sd_ctx_t failed');
    end(1);
  };
  if (!/^cpu/.test(given['--backend'] ?? 'cpu')) refuse(`backend '${given['--backend']}' was not found`);
  if (!existsSync(model)) refuse(`init model loader from file failed: '${model}'`);
  if (readFileSync(model).subarray(0, 4).toString() !== 'GGUF') refuse(`get sd version from file failed: '${model}'`);
  for (const done of [0, 250, 500, 750, 1000]) {
    process.stdout.write(`\r  |${'='.repeat(done / 20)}>| ${done}/1000 - 123.45MB/s`);
    await sleep(Number(own['load-ms'] ?? 0) / 5);
  }
  process.stdout.write('\n');
  say('loading tensors completed, taking 0.01s');
  if (own['fail'] === 'silently') end(0);
};

interface Job {
  id: string;
  kind: 'img_gen';
  status: 'queued' | 'generating' | 'completed' | 'failed' | 'cancelled';
  result: { output_format: string; images: { index: number; b64_json: string }[] } | null;
  error: { code: string; message: string } | null;
  body: JobBody;
}

interface JobBody {
  prompt: string;
  negative_prompt: string;
  width: number;
  height: number;
  seed: number;
  sample_params: { sample_steps: number; sample_method?: string; guidance: { txt_cfg: number } };
  init_image?: string;
  mask_image?: string;
  strength?: number;
}

const jobs = new Map<string, Job>();

const draw = async (job: Job) => {
  const { body } = job;
  const steps = body.sample_params.sample_steps;
  const stepMs = Number(own['step-ms'] ?? 1);
  job.status = 'generating';
  say(`generating image: 1/1 - seed ${body.seed}`);
  for (let step = 1; step <= steps; step += 1) {
    await sleep(stepMs);
    process.stdout.write(`\r  |${'='.repeat(step)}>| ${step}/${steps} - ${(stepMs / 1000).toFixed(3)}s/it`);
    if (step === 2 && own['fail'] === 'abort') process.kill(process.pid, 'SIGABRT');
    if (step === 2 && own['fail'] === 'memory') {
      process.stderr.write('ggml_backend_cuda_buffer_type_alloc_buffer: allocating 1680.15 MiB on device 0: ');
      process.stderr.write('cudaMalloc failed: out of memory\n');
      job.error = { code: 'generation_failed', message: 'generate_image returned empty results' };
      job.status = 'failed';
      return;
    }
  }
  process.stdout.write('\n');
  say('sampling completed, taking 0.01s');
  const { init_image: _, mask_image: __, ...colour } = body;
  const [r = 0, g = 0, b = 0] = createHash('sha256').update(JSON.stringify(colour)).digest();
  const { width, height } = body;
  const image = await sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    .png()
    .toBuffer();
  job.result = { output_format: 'png', images: [{ index: 0, b64_json: image.toString('base64') }] };
  job.status = 'completed';
};

/** Draws jobs one at a time, in order. */
let last: Promise<void> = Promise.resolve();

const submit = async (request: IncomingMessage, response: ServerResponse) => {
  const body = (await json(request)) as JobBody;
  if (!body.prompt) return answer(response, 400, { error: 'invalid generation parameters' });
  if (own['fail'] === 'full') return answer(response, 429, { error: 'job queue is full' });
  const { init_image, mask_image, ...rest } = body;
  say(`job ${JSON.stringify({ ...rest, images: [init_image, mask_image].filter(Boolean).length })}`);
  const job: Job = { id: `job_${jobs.size + 1}`, kind: 'img_gen', status: 'queued', result: null, error: null, body };
  jobs.set(job.id, job);
  last = last.then(() => (job.status === 'queued' ? draw(job) : undefined));
  answer(response, 202, { ...job, poll_url: `/sdcpp/v1/jobs/${job.id}` });
};

const answer = (response: ServerResponse, status: number, body: object) => {
  const { body: _, ...shown } = body as Partial<Job>;
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(shown));
};

const capabilities = {
  model: { name: 'stand-in.gguf' },
  samplers: ['euler', 'euler_a', 'dpm++2m'],
  defaults_by_mode: { img_gen: { width: 128, sample_params: { sample_steps: 6, guidance: { txt_cfg: 5 } } } },
};

const route = (request: IncomingMessage, response: ServerResponse): unknown => {
  const { method, url = '' } = request;
  if (url === '/v1/models') {
    return answer(response, 200, { data: [{ id: 'sd-cpp-local', object: 'model', owned_by: 'local' }] } as object);
  }
  if (url === '/sdcpp/v1/capabilities') return answer(response, 200, capabilities);
  if (url === '/sdcpp/v1/img_gen' && method === 'POST') return submit(request, response);
  const [, id = '', cancel] = /^\/sdcpp\/v1\/jobs\/([^/]+)(\/cancel)?$/.exec(url) ?? [];
  const job = jobs.get(id);
  if (job === undefined) return answer(response, 404, { error: 'job not found' } as object);
  if (cancel === undefined) return answer(response, 200, job);
  if (job.status !== 'queued') return answer(response, 409, { error: 'job cannot be cancelled' } as object);
  job.status = 'cancelled';
  return answer(response, 200, job);
};

readFlags(process.argv.slice(2));
if (given['--list-devices'] !== undefined) {
  process.stdout.write('CPU\tstand-in\n');
  end(0);
}
await load();
const [host, port] = [given['--listen-ip'] ?? '127.0.0.1', Number(given['--listen-port'] ?? 1234)];
say(`listening on: http://${host}:${port}`);
createServer((request, response) => void route(request, response))
  .on('error', () => end(0))
  .listen(port, host);
