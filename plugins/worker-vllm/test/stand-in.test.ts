/** The stand-in behaves as vLLM is known to, and as the plugin describes it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import { resolveType } from '../../../core/conformance/index.ts';
import type from '../index.ts';
import { words } from './stand-in-api.ts';
import { step, writeModel } from './stand-in-model.ts';
import { freePort, launchWorker, until, type Worker } from './worker.ts';

const plugin = resolveType(type);

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rbee-vllm-'));
});
after(() => rm(folder, { recursive: true, force: true }));

let models = 0;
const model = (behaviour: Parameters<typeof writeModel>[1] = {}) =>
  writeModel(join(folder, `model-${++models}`), behaviour);
const run = (...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, 'vllm-stand-in.ts'), ...args], { encoding: 'utf8' });

describe('the command line of the stand-in', () => {
  it('exits with 2 for unknown arguments, as argparse does', () => {
    const cases: [string[], RegExp][] = [
      [['--no-such-flag'], /^vllm: error: unrecognized arguments: --no-such-flag$/m],
      [['--device', 'cuda'], /unrecognized arguments: cuda --device/],
      [['--port', 'abc'], /error: argument --port: invalid int value: 'abc'/],
      [['--dtype', 'int3'], /error: argument --dtype: invalid choice: 'int3'/],
    ];
    for (const [args, says] of cases) {
      const { status, stderr } = run('serve', '/m', ...args);
      assert.equal(status, 2);
      assert.match(stderr, says);
      const diagnosis = plugin.diagnose({
        log: stderr.split('\n'),
        exit: { code: 2, signal: null },
        wasReady: false,
        binary: { id: 'vllm' },
      });
      assert.equal(diagnosis?.cause, 'bad_option');
    }
  });

  it('prints its version', () => {
    const { stdout, stderr, status } = run('--version');
    assert.deepEqual(plugin.probes[0]?.parse({ stdout, stderr, code: status }), { version: '0.29.0' });
  });
});

describe('a stand-in that loads', () => {
  it('refuses connections until its weights are loaded, and shows progress', async () => {
    const path = model({ steps: true, shards: 2 });
    const worker = await launchWorker(path);
    const progress = () => {
      const found = worker.log.map(
        (line) => new RegExp(plugin.health.progressPattern ?? '').exec(line)?.groups?.['percent'],
      );
      return found.findLast((percent) => percent !== undefined);
    };
    await until(() => progress() === '0');
    await assert.rejects(
      fetch(`${worker.url}/health`),
      (error: TypeError) => (error.cause as { code?: string }).code === 'ECONNREFUSED',
    );
    step(path, 1);
    await until(() => progress() === '50');
    step(path, 2);
    await worker.ready();
    assert.equal(progress(), '100');
    assert.ok(worker.log.some((line) => line.includes('Application startup complete.')));
  });

  it('ends with an interrupt on a signal, and ends its engine', async () => {
    const worker = await launchWorker(model({ steps: true }));
    await until(() => worker.log.some((line) => line.includes('Starting to load model')));
    worker.child.kill('SIGTERM');
    assert.equal((await worker.failure(false)).exit?.code, 1);
  });

  it('binds its port before it loads', async () => {
    const port = await freePort();
    const first = await launchWorker(model(), {}, port);
    await first.ready();
    const second = await launchWorker(model(), {}, port);
    assert.equal(plugin.diagnose(await second.failure(false))?.cause, 'port_in_use');
  });

  it('knows the maximum length of the model', async () => {
    const worker = await launchWorker(model(), { max_model_len: 131_072 });
    assert.match(plugin.diagnose(await worker.failure(false))?.message ?? '', /the model was made for 4096 tokens/);
  });

  it('reports a folder that is not a model', async () => {
    const worker = await launchWorker(join(folder, 'nothing'));
    assert.equal(plugin.diagnose(await worker.failure(false))?.cause, 'bad_model');
  });
});

describe('a stand-in that is ready', () => {
  let worker: Worker;
  before(async () => {
    worker = await launchWorker(model({ endless: true }), { sleep_mode: true, lora_modules: ['sql=/loras/sql'] });
    await worker.ready();
  });

  it('requires the API key only below /v1, and answers a wrong one with plain text', async () => {
    const refused = await fetch(`${worker.url}/v1/models`);
    assert.equal(refused.status, 401);
    assert.deepEqual(await refused.json(), { error: 'Unauthorized' });
    assert.equal((await fetch(`${worker.url}/health`)).status, 200);
    const { data } = (await (await worker.fetch('/v1/models')).json()) as { data: { id: string }[] };
    assert.deepEqual(
      data.map(({ id }) => id),
      ['tiny', 'tiny:latest', 'sql'],
    );
  });

  it('refuses unknown models, broken bodies and long prompts with its own errors', async () => {
    const ask = async (body: object) => {
      const response = await worker.fetch('/v1/completions', body);
      const { error } = (await response.json()) as {
        error: { type: string; param: string; code: number; message: string };
      };
      return [response.status, error.type, error.code, error.param, error.message] as const;
    };
    assert.deepEqual((await ask({ model: 'other', prompt: 'a' })).slice(0, 4), [404, 'NotFoundError', 404, 'model']);
    const long = await ask({ prompt: 'a'.repeat(2049) });
    assert.deepEqual(long.slice(0, 3), [400, 'BadRequestError', 400]);
    assert.match(long[4], /maximum context length is 2048 tokens/);
  });

  it('counts running requests for each of its engines', async () => {
    const metrics = async (name: string) => {
      const text = await (await worker.fetch(plugin.load.path)).text();
      const values = [...text.matchAll(new RegExp(`^${name}\\{engine="\\d"[^}]*\\} ([\\d.]+)$`, 'gm'))];
      assert.equal(values.length, 2, name);
      return values.reduce((sum, [, value]) => sum + Number(value), 0);
    };
    const leaving = new AbortController();
    const answer = await worker.fetch('/v1/completions', { prompt: 'a', stream: true }, { signal: leaving.signal });
    assert.equal(await metrics(plugin.load.running), 1);
    assert.equal(await metrics(plugin.load.waiting ?? ''), 0);
    assert.equal(await metrics(plugin.load.kvCacheUse ?? ''), 0.25);
    leaving.abort();
    await assert.rejects(answer.text());
    await until(async () => (await metrics(plugin.load.running)) === 0);
  });

  it('sleeps and wakes with the requests that the plugin names, if enabled', async () => {
    const asleep = async () =>
      ((await (await worker.fetch('/is_sleeping')).json()) as { is_sleeping: boolean }).is_sleeping;
    const { sleep, wake } = plugin.stop;
    assert.equal((await worker.fetch(sleep?.path ?? '', {}, { method: sleep?.method })).status, 200);
    assert.equal(await asleep(), true);
    assert.equal((await worker.fetch(wake?.path ?? '', {}, { method: wake?.method })).status, 200);
    assert.equal(await asleep(), false);
  });

  it('passes the deep check of the plugin', async () => {
    const { path = '', body } = plugin.health.deep ?? {};
    const response = await worker.fetch(path, body);
    const { choices } = (await response.json()) as { choices: { text: string }[] };
    assert.equal(choices[0]?.text, words[0]);
  });
});

describe('a stand-in that ends', { skip: atFullScale }, () => {
  it('exits with 0 on SIGTERM, and aborts running requests', async () => {
    const worker = await launchWorker(model({ endless: true }));
    await worker.ready();
    const answer = await worker.fetch('/v1/completions', { prompt: 'a', stream: true });
    worker.child.kill('SIGTERM');
    await assert.rejects(answer.text());
    const { exit, log } = await worker.failure(true);
    assert.deepEqual(exit, { code: 0, signal: null });
    assert.match(log.join('\n'), /Application shutdown complete\.\n.*Finished server process/);
  });

  it('reports that its engine died, and then ends', async () => {
    const worker = await launchWorker(model());
    await worker.ready();
    const engine = Number(/EngineCore pid=(\d+)/.exec(worker.log.join('\n'))?.[1]);
    process.kill(engine, 'SIGKILL');
    const failure = await worker.failure(true);
    assert.equal(failure.exit?.code, 1);
    assert.match(plugin.diagnose(failure)?.message ?? '', /engine of vLLM has died/);
  });

  for (const { name, cause, exit } of JSON.parse(readFileSync(join(import.meta.dirname, '../failures.json'), 'utf8'))) {
    it(`can fail as vLLM does: ${name}`, async () => {
      const worker = await launchWorker(model({ fail: name }));
      const failure = await worker.failure(false);
      assert.deepEqual(failure.exit, exit);
      assert.equal(plugin.diagnose(failure)?.cause, cause);
    });
  }
});
