/** vLLM through a real hive. The program is a stand-in with vLLM's command line, log, endpoints and failures. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { words } from '../../plugins/worker-vllm/test/stand-in-api.ts';
import { standInLine, writeStandIn } from '../../plugins/worker-vllm/test/stand-in-binary.ts';
import { step, writeModel } from '../../plugins/worker-vllm/test/stand-in-model.ts';
import { createHome, kill, type TestHome } from '../harness/home.ts';
import { writeNvidiaSmi } from '../harness/nvidia-smi.ts';
import { atFullScale, sampleOf, until } from '../harness/until.ts';

let home: TestHome;
let openai: OpenAI;
/** A PATH with one Python, no uv, and an nvidia-smi that lists two GPUs. */
const pathWithPython = ({ folder }: TestHome): string => {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeNvidiaSmi(bin);
  const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
  for (const name of ['python3', `python${pythonVersion}`]) symlinkSync(python, join(bin, name));
  return [bin, '/usr/bin', '/bin'].join(delimiter);
};
const pythonVersion = execFileSync('python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
  encoding: 'utf8',
}).trim();

before(async () => {
  home = createHome();
  home.env['RBEE_VLLM'] = writeStandIn(join(home.folder, 'programs'));
  // Packages are installed from a folder: nothing uses the network, whatever the settings of this machine.
  for (const name of Object.keys(home.env)) if (/^(PIP|UV)_/.test(name)) delete home.env[name];
  mkdirSync(join(home.folder, 'settings/pip'), { recursive: true });
  writeFileSync(
    join(home.folder, 'settings/pip/pip.conf'),
    `[global]\nno-index = true\nfind-links = ${join(home.folder, 'wheels')}\n`,
  );
  Object.assign(home.env, { PATH: pathWithPython(home), XDG_CONFIG_HOME: join(home.folder, 'settings') });
  const { url } = await home.json(['queen', 'start']);
  openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
});
after(() => home.close());

const modelOf = (name: string, behaviour: Parameters<typeof writeModel>[1] = {}) =>
  writeModel(join(home.folder, 'models', name), behaviour);
const spawnArgs = (model: string, ...more: string[]) => [
  ...['worker', 'spawn', '--type', 'vllm', '--device', 'cpu', '--model', `file:${model}`],
  ...['--option', 'cpu_kv_cache_gib=1', ...more],
];
const spawn = (model: string, ...more: string[]) => home.json(spawnArgs(model, ...more));
const get = (id: string) => home.json(['worker', 'get', id]);
const list = async () => (await home.json(['worker', 'list'])).workers;
/** A zombie counts as ended: its parent may not have reaped it yet. */
const alive = (pid: number) =>
  existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
/** The engine's process, from its line in the worker's log. */
const engineOf = (logFile: string) => Number(/EngineCore pid=(\d+)/.exec(readFileSync(logFile, 'utf8'))?.[1]);
const chat = (model: string) => ({ model, messages: [{ role: 'user' as const, content: 'Who are you?' }] });

test('a worker loads with progress, becomes ready, and answers like vLLM', async () => {
  const model = modelOf('Tiny-Chat', { steps: true, shards: 4 });
  const spawning = spawn(model);
  const loading = await until(async () => (await list()).find(({ state }: { state: string }) => state === 'loading'), {
    what: 'a loading worker',
  });
  step(model, 1);
  await until(async () => (await get(loading.id)).progress === 0.25, { what: 'a quarter' });
  for (const shard of [2, 3, 4]) step(model, shard);
  const worker = await spawning;
  assert.equal(worker.state, 'ready');
  assert.equal(worker.engine, 'vllm-cpu');
  assert.equal(worker.model, 'tiny-chat');

  const completion = await openai.chat.completions.create(chat('tiny-chat'));
  assert.equal(completion.choices[0]?.message.content, words.join(''));
  assert.equal(completion.model, 'tiny-chat');
  const pieces: string[] = [];
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const chunk of await openai.chat.completions.create({
    ...chat('tiny-chat'),
    stream: true,
    stream_options: { include_usage: true },
  })) {
    pieces.push(chunk.choices[0]?.delta.content ?? '');
    usage = chunk.usage ?? usage;
  }
  assert.deepEqual(
    pieces.filter((piece) => piece !== ''),
    words,
  );
  assert.equal(usage?.completion_tokens, words.length);
  const plain = await openai.completions.create({ model: 'tiny-chat', prompt: 'So?', max_tokens: 2 });
  assert.equal(plain.choices[0]?.text, words.slice(0, 2).join(''));
  const { data } = await openai.embeddings.create({ model: 'tiny-chat', input: ['one', 'three'] });
  assert.deepEqual(
    data.map(({ embedding }) => [...embedding]),
    [
      [3, 1, 0.5],
      [5, 1, 0.5],
    ],
  );
  await assert.rejects(
    openai.chat.completions.create({ ...chat('tiny-chat'), max_tokens: 100_000 }),
    (error: InstanceType<typeof OpenAI.APIError>) => {
      assert.equal(error.status, 400);
      assert.match(error.message, /maximum context length is 2048 tokens/);
      return true;
    },
  );
});

test('rbee infer gets an answer', async () => {
  const run = await home.rbee(['infer', '-m', 'tiny-chat', 'Who are you?']);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(run.stdout.trim(), words.join('').trim());
});

test('running requests are counted, and a client that disconnects is not waited for', {
  skip: atFullScale,
}, async () => {
  const worker = await spawn(modelOf('endless', { endless: true }));
  const leaving = new AbortController();
  const stream = await openai.chat.completions.create({ ...chat('endless'), stream: true }, { signal: leaving.signal });
  await until(async () => (await get(worker.id)).running === 1, { what: 'a running request' });
  leaving.abort();
  await stream[Symbol.asyncIterator]()
    .next()
    .catch(() => {});
  await until(async () => (await get(worker.id)).running === 0, { what: 'none running' });
  await home.json(['worker', 'stop', worker.id, '--now']);
});

test('LoRA adapters are requested by their own names', { skip: atFullScale }, async () => {
  const model = modelOf('Tiny-Lora');
  const option = `lora_modules=${JSON.stringify(['sql=/loras/sql', '/loras/poems/'])}`;
  const worker = await spawn(model, '--option', option);
  assert.deepEqual(worker.names, ['tiny-lora', 'sql', 'poems']);
  const completion = await openai.chat.completions.create(chat('sql'));
  assert.equal(completion.model, 'sql');
  const models = (await openai.models.list()).data.map(({ id }) => id);
  assert.ok(['tiny-lora', 'sql', 'poems'].every((name) => models.includes(name)));
  const clash = await home.rbee([...spawnArgs(modelOf('Other')), '--option', 'lora_modules=["poems=/elsewhere"]']);
  assert.equal(clash.code, 1);
  assert.match(clash.stderr, /already serves .* under the name poems/);
  await home.json(['worker', 'delete', worker.id, '--now']);
});

test('a stop ends the server and its engine', async () => {
  const worker = await spawn(modelOf('stopped'));
  const engine = engineOf(worker.logFile ?? (await get(worker.id)).logFile);
  assert.ok(alive(worker.pid) && alive(engine));
  await home.json(['worker', 'stop', worker.id]);
  assert.equal((await get(worker.id)).state, 'stopped');
  assert.ok(!alive(worker.pid) && !alive(engine));
});

test('an engine that its server leaves behind does not keep the device', { skip: atFullScale }, async () => {
  const worker = await spawn(modelOf('clinging', { clinging: true }));
  const engine = engineOf((await get(worker.id)).logFile);
  kill(worker.pid);
  const again = await until(
    async () => {
      const now = await get(worker.id);
      return now.state === 'ready' && now.pid !== worker.pid && now;
    },
    { what: 'a new process' },
  );
  assert.equal(again.restarts, 1);
  assert.ok(!alive(engine), 'the engine of the dead server still runs');
  kill(engineOf((await get(worker.id)).logFile));
  await home.json(['worker', 'delete', worker.id, '--now']);
});

test('a worker whose engine dies is restarted', { skip: atFullScale }, async () => {
  const worker = await spawn(modelOf('dying'));
  kill(engineOf((await get(worker.id)).logFile));
  await until(
    async () => {
      const now = await get(worker.id);
      return now.state === 'ready' && now.pid !== worker.pid;
    },
    { what: 'a new process' },
  );
  await home.json(['worker', 'stop', worker.id]);
});

test('a request wakes a sleeping worker, which is still known to sleep after a restart of the queen', async () => {
  const worker = await spawn(modelOf('drowsy'), '--option', 'sleep_mode=true');
  const slept = await home.rbee(['worker', 'sleep', worker.id]);
  assert.equal(slept.code, 0, slept.stderr);
  assert.equal(slept.stdout, `${worker.id} is sleeping\n`);
  const again = await home.rbee(['worker', 'sleep', worker.id]);
  assert.equal(again.stdout, `${worker.id} is already sleeping\n`);
  assert.equal((await list()).find(({ id }: { id: string }) => id === worker.id).state, 'sleeping');
  assert.match((await home.rbee(['worker', 'get', worker.id])).stdout, /sleeping/);
  const { url } = await home.json(['queen', 'restart']);
  openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  await until(async () => (await get(worker.id)).state === 'sleeping', { what: 'the worker still being asleep' });
  assert.equal((await get(worker.id)).pid, worker.pid);
  const answers = await Promise.all([1, 2, 3].map(() => openai.chat.completions.create(chat('drowsy'))));
  for (const { choices } of answers) assert.equal(choices[0]?.message.content, words.join(''));
  assert.equal((await get(worker.id)).pid, worker.pid);
  assert.equal((await get(worker.id)).state, 'ready');
  await home.json(['worker', 'sleep', worker.id]);
  assert.equal((await home.json(['worker', 'wake', worker.id])).state, 'ready');
  await home.json(['worker', 'sleep', worker.id]);
  const run = await home.rbee(['infer', '-m', 'drowsy', 'Who are you?']);
  assert.equal(run.stdout.trim(), words.join('').trim(), run.stderr);
  await home.json(['worker', 'sleep', worker.id]);
  kill(worker.pid);
  const risen = await until(
    async () => {
      const now = await get(worker.id);
      return now.state === 'ready' && now.pid !== worker.pid && now;
    },
    { what: 'a new process' },
  );
  await home.json(['worker', 'sleep', worker.id]);
  assert.equal((await home.json(['worker', 'delete', worker.id])).id, worker.id);
  assert.ok(!alive(risen.pid));
});

test('a worker that does not wake is reported, and one without the option does not sleep', {
  skip: atFullScale,
}, async () => {
  const sleepless = await spawn(modelOf('sleepless'));
  const refused = await home.rbee(['worker', 'sleep', sleepless.id, '--json']);
  assert.equal(refused.code, 1);
  const { error } = JSON.parse(refused.stdout);
  assert.equal(error.code, 'WORKER_CANNOT_SLEEP');
  assert.match(error.hint, /--option sleep_mode=true/);
  const worker = await spawn(modelOf('insomniac', { insomnia: true }), '--option', 'sleep_mode=true');
  await home.json(['worker', 'sleep', worker.id]);
  await assert.rejects(
    openai.chat.completions.create(chat('insomniac')),
    (failed: InstanceType<typeof OpenAI.APIError>) => {
      assert.equal(failed.code, 'worker_sleep_failed');
      assert.match(failed.message, /could not be woken: it answered 500: .*CUDA out of memory/);
      return true;
    },
  );
  for (const { id } of [sleepless, worker]) await home.json(['worker', 'delete', id, '--now']);
});

test('unknown and forbidden vLLM arguments are refused by name', async () => {
  const model = modelOf('arguments');
  const unknown = await home.rbee([...spawnArgs(model, '--option', 'extra_args=["--no-such-flag"]'), '--json']);
  assert.match(JSON.parse(unknown.stdout).error.message, /does not know the arguments --no-such-flag/);
  const forbidden = await home.rbee([...spawnArgs(model, '--option', 'extra_args=["--host=0.0.0.0"]'), '--json']);
  assert.match(JSON.stringify(JSON.parse(forbidden.stdout).error), /extra_args cannot contain --host/);
});

describe('a failure of vLLM', () => {
  const folder = resolve(import.meta.dirname, '../../plugins/worker-vllm');
  const recorded: { name: string; says: string; hint?: string }[] = JSON.parse(
    readFileSync(join(folder, 'failures.json'), 'utf8'),
  );
  for (const { name, says, hint = '.' } of sampleOf(recorded)) {
    test(`is reported clearly: ${name}`, async () => {
      const before = (await list()).length;
      const run = await home.rbee([...spawnArgs(modelOf(`fails-${name}`, { fail: name })), '--json']);
      assert.equal(run.code, 1, run.stdout);
      const { error } = JSON.parse(run.stdout);
      assert.equal(error.code, 'WORKER_FAILED');
      assert.match(error.message, new RegExp(says));
      assert.match(error.hint, new RegExp(hint));
      // The hive has already cleaned up; its next heartbeat tells the queen.
      await until(async () => (await list()).length === before, { what: 'the removal of the worker' });
    });
  }
});

const onGpus = (model: string, devices: string, ...more: string[]) =>
  home.json(['worker', 'spawn', '--type', 'vllm', '--device', devices, '--model', `file:${model}`, ...more]);
const argumentsOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
const variableOf = (pid: number, name: string) =>
  readFileSync(`/proc/${pid}/environ`, 'utf8')
    .split('\0')
    .find((line) => line.startsWith(`${name}=`));

test('a model on two GPUs is split across them and sees no others', async () => {
  const worker = await onGpus(modelOf('divided'), 'cuda:0,1');
  assert.equal(worker.device, 'cuda:0,1');
  // An installed vLLM is used whatever driver it was built for.
  assert.equal(worker.variant, 'cuda');
  assert.ok(argumentsOf(worker.pid).includes('--tensor-parallel-size=2'));
  assert.equal(variableOf(worker.pid, 'CUDA_VISIBLE_DEVICES'), 'CUDA_VISIBLE_DEVICES=0,1');
  assert.equal(variableOf(worker.pid, 'CUDA_DEVICE_ORDER'), 'CUDA_DEVICE_ORDER=PCI_BUS_ID');
  const completion = await openai.chat.completions.create(chat('divided'));
  assert.equal(completion.choices[0]?.message.content, words.join(''));
  await home.json(['worker', 'stop', worker.id]);
});

/** A wheel of vLLM whose program becomes the stand-in; Python can write one. */
const writeWheel = (folder: string, build: string): void => {
  mkdirSync(folder, { recursive: true });
  const code = `
import sys, zipfile
folder, line, version = sys.argv[1:]
info = f"vllm-{version}.dist-info/"
with zipfile.ZipFile(f"{folder}/vllm-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr("vllm.py", "import os, sys\\ndef main():\\n    os.execv('/bin/sh', ['/bin/sh', '-c', %r, 'vllm', *sys.argv[1:]])\\n" % line)
    wheel.writestr(f"vllm-{version}.data/data/lib/libiomp5.so", "")
    wheel.writestr(info + "METADATA", f"Metadata-Version: 2.1\\nName: vllm\\nVersion: {version}\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "entry_points.txt", "[console_scripts]\\nvllm = vllm:main\\n")
    wheel.writestr(info + "RECORD", "")
`;
  execFileSync('python3', ['-c', code, folder, standInLine, `0.29.0+${build}`]);
};

test('without vLLM on the machine, the build for the device is installed into its own environment', {
  skip: atFullScale,
}, async () => {
  writeWheel(join(home.folder, 'wheels'), 'cpu');
  const model = modelOf('installed');
  const run = await home.rbee([
    ...spawnArgs(model, '--option', 'engine=venv', '--option', `python=python${pythonVersion}`),
    '--json',
  ]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(run.stderr, /installing vllm==0\.29\.0\+cpu with pip/);
  const worker = JSON.parse(run.stdout);
  const completion = await openai.chat.completions.create(chat('installed'));
  assert.equal(completion.choices[0]?.message.content, words.join(''));
  // Its OpenMP library was preloaded from the environment.
  const environ = readFileSync(`/proc/${worker.pid}/environ`, 'utf8').split('\0');
  assert.match(environ.find((line) => line.startsWith('LD_PRELOAD=')) ?? '', /venv\/lib\/libiomp5\.so/);
  await home.json(['worker', 'stop', worker.id]);
});

test('an older driver gets the matching build of vLLM', { skip: atFullScale }, async () => {
  writeWheel(join(home.folder, 'wheels'), 'cu129');
  const model = modelOf('older-driver');
  const worker = await onGpus(model, 'cuda:1', '--option', 'engine=venv', '--option', `python=python${pythonVersion}`);
  assert.equal(worker.variant, 'cuda12');
  assert.equal(variableOf(worker.pid, 'CUDA_VISIBLE_DEVICES'), 'CUDA_VISIBLE_DEVICES=1');
  await home.json(['worker', 'stop', worker.id]);
});
