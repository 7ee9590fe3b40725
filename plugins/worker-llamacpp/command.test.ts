import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Launch } from '@rbee/contract';
import { buildOf, buildProbes } from './build.ts';
import { checkOptions, command } from './command.ts';
import { options } from './options.ts';
import { readArguments } from './server/arguments.ts';

const launch = (id: string, given: Record<string, unknown> = {}, more: Partial<Launch> = {}): Launch => ({
  id: 'llamacpp-1',
  variant: 'cuda',
  device: { kind: 'cuda', indices: [1] },
  deviceFlags: { args: ['--device', 'CUDA0'], env: { CUDA_VISIBLE_DEVICES: '1' } },
  options: given,
  binary: { id, kind: 'path', path: '/x', argv: ['/x'] },
  models: { main: '/models/a b.gguf' },
  names: ['a', 'a:latest'],
  host: '127.0.0.1',
  port: 18001,
  apiKey: 'secret',
  ...more,
});

const argumentOf = (args: readonly string[], flag: string) => args[args.indexOf(flag) + 1];

describe('the command line of llama-server', () => {
  it('ranks texts in whole batches, and does not serve embeddings as well', () => {
    const { args } = command(launch('llama-server', { context: 8192, rerank: true, pooling: 'mean' }));
    assert.ok(args.includes('--rerank') && !args.includes('--pooling'));
    assert.equal(argumentOf(args, '--ubatch-size'), '8192');
    const refused = (id: string, options: Record<string, unknown>) =>
      checkOptions(launch(id, options)).map(({ option }) => option);
    assert.deepEqual(refused('llama-server', { rerank: true }), []);
    assert.deepEqual(refused('llama-server', { rerank: true, embeddings: true }), ['rerank']);
    assert.deepEqual(refused('builtin', { rerank: true }), ['rerank']);
  });

  it('gives each slot its whole context, all names, and the device', () => {
    const { args, env } = command(launch('llama-server', { context: 2048, slots: 3 }));
    assert.equal(argumentOf(args, '--model'), '/models/a b.gguf');
    assert.equal(argumentOf(args, '--alias'), 'a,a:latest');
    assert.equal(argumentOf(args, '--ctx-size'), '6144');
    assert.equal(argumentOf(args, '--parallel'), '3');
    assert.equal(argumentOf(args, '--device'), 'CUDA0');
    assert.equal(argumentOf(args, '--port'), '18001');
    assert.ok(args.includes('--metrics'));
    assert.equal(env?.['CUDA_VISIBLE_DEVICES'], '1');
    assert.equal(env?.['LLAMA_ARG_SSE_PING_INTERVAL'], '1');
  });

  it('keeps a thread for health checks when all slots and the queue are full', () => {
    const { args } = command(launch('llama-server', { slots: 8, queue_limit: 100 }));
    assert.ok(Number(argumentOf(args, '--threads-http')) > 108);
  });

  it('computes an embedding in one batch', () => {
    const { args } = command(launch('llama-server', { context: 8192, embeddings: true, pooling: 'mean' }));
    assert.equal(argumentOf(args, '--ubatch-size'), '8192');
    assert.equal(argumentOf(args, '--batch-size'), '8192');
    assert.equal(argumentOf(args, '--pooling'), 'mean');
  });

  it('lets llama.cpp choose the GPU layers by default, and uses none on the CPU variant', () => {
    assert.ok(!command(launch('llama-server')).args.includes('--gpu-layers'));
    assert.equal(argumentOf(command(launch('llama-server', { gpu_layers: '12' })).args, '--gpu-layers'), '12');
    assert.equal(argumentOf(command(launch('llama-server', { gpu_layers: 'all' })).args, '--gpu-layers'), '9999');
    assert.ok(!command(launch('llama-server', { gpu_layers: '12' }, { variant: 'cpu' })).args.includes('--gpu-layers'));
  });

  it('adds extra arguments, and refuses those that rbee sets or that expose more than the model', () => {
    const { args } = command(launch('llama-server', { extra_args: ['--swa-full', '--keep', '4'] }));
    assert.deepEqual(args.slice(-3), ['--swa-full', '--keep', '4']);
    for (const flag of ['--tools', '--host', '--port=1', '--api-key', '--model', '-m', '--agent', '--rpc', '--path']) {
      assert.throws(() => command(launch('llama-server', { extra_args: [flag] })), /extra_args cannot contain/, flag);
    }
  });
});

const probesFor = (help: string, version = '') =>
  Object.fromEntries(
    buildProbes.map(({ id, args, parse }) => [
      id,
      parse({ stdout: args[0] === '--help' ? help : '', stderr: args[0] === '--help' ? '' : version, code: 0 }),
    ]),
  );

/** The help of a build that has these flags. */
const helpWith = (...flags: string[]) => flags.map((flag) => `${flag.padEnd(40)}what it is for`).join('\n');
const always = [
  ...[
    '-c,    --ctx-size N',
    '-np,   --parallel N',
    '--threads-http N',
    '-b,    --batch-size N',
    '-ub,   --ubatch-size N',
  ],
  ...['-ctk,  --cache-type-k TYPE', '-ctv,  --cache-type-v TYPE', '--metrics', '--embedding, --embeddings'],
];

describe('a build of llama-server', () => {
  it('is described by the flags in its help, without removed ones, and by its version in either form', () => {
    const help = [
      '----- common params -----',
      '',
      '-lm,   --load-mode MODE                 how to load, in place of',
      '                                        --no-mmap and --mlock (env: LLAMA_ARG_LOAD_MODE)',
      '--mmap, --no-mmap                       whether to map (default: enabled)',
      '--draft, --draft-n, --draft-max N       the argument has been removed. use',
      '                                        --spec-draft-n-max',
      '-fa,   --flash-attn [on|off|auto]       flash attention',
    ].join('\n');
    const flags = ['-lm', '--load-mode', '--mmap', '--no-mmap', '-fa', '--flash-attn'];
    assert.deepEqual(buildOf(probesFor(help)), { flags });
    const versions: [string, string][] = [
      ['version: 4321 (abc1234)\nbuilt with GNU', 'b4321'],
      ['version: 0.5.0-dev (build 10875, commit de3ff81)\n', 'b10875'],
      ['ggml_cuda_init: found 1\nversion: 10900 (x)\n', 'b10900'],
      ['version: custom\n', 'custom'],
    ];
    for (const [said, version] of versions) assert.equal(buildOf(probesFor('', said)).version, version);
    assert.deepEqual(buildOf(probesFor('', 'unknown argument')), {});
    assert.deepEqual(buildOf(), {});
  });

  // Every llama-server from b10875 on ended with "error: invalid argument" because of "--no-mmap" and "--mlock".
  it('gets only flags that it knows, in their newest spelling', () => {
    const args = (given: Record<string, unknown>, ...flags: string[]) =>
      command(launch('llama-server', given, { probes: probesFor(helpWith(...always, ...flags)) })).args.join(' ');
    const fresh = '-lm,   --load-mode MODE';
    assert.match(args({ mmap: false }, fresh), /--load-mode none/);
    assert.match(args({ mmap: false }, fresh, '--mmap, --no-mmap'), /--load-mode none/);
    assert.match(args({ mmap: false }, '--no-mmap'), / --no-mmap( |$)/);
    assert.match(args({ mlock: true }, fresh), /--load-mode mmap\+mlock/);
    assert.match(args({ mlock: true, mmap: false }, fresh), /--load-mode mlock/);
    assert.match(args({ mlock: true, mmap: false }, '--no-mmap', '--mlock'), /--no-mmap --mlock/);
    assert.doesNotMatch(args({}, fresh), /mmap|mlock|load-mode/);
    assert.match(command(launch('llama-server', { mmap: false })).args.join(' '), /--load-mode none/);
  });

  it('refuses an option that it has no flag for, naming the option and the version', () => {
    const problems = (given: Record<string, unknown>, ...flags: string[]) => {
      const probes = probesFor(helpWith(...flags), 'version: 3000 (abc)');
      const { variant, device, options: wanted, binary } = launch('llama-server', given);
      return checkOptions({ variant, device, options: wanted, binary, probes }).map(
        ({ option, problem }) => `${option}: ${problem}`,
      );
    };
    assert.deepEqual(problems({}, ...always), []);
    assert.deepEqual(problems({ mlock: true }, ...always, '--mmap, --no-mmap'), [
      'mlock: this llama-server (b3000) does not know --load-mode or --mlock',
    ]);
    assert.deepEqual(problems({ pooling: 'last', threads: 3 }, ...always, '-t,    --threads N'), [
      'pooling: this llama-server (b3000) does not know --pooling',
    ]);
    assert.deepEqual(problems({ extra_args: ['--port=1'] }, ...always), [
      'extra_args: cannot contain --port: rbee sets or forbids it',
    ]);
  });

  it('is refused a quantized cache without flash attention', () => {
    for (const id of ['llama-server', 'builtin']) {
      const check = (given: Record<string, unknown>) => {
        const { variant, device, options: wanted, binary } = launch(id, given);
        return checkOptions({ variant, device, options: wanted, binary }).map(({ option }) => option);
      };
      assert.deepEqual(check({ cache_type_v: 'q8_0', flash_attention: 'off' }), ['cache_type_v']);
      assert.deepEqual(check({ cache_type_v: 'q8_0' }), []);
      assert.deepEqual(check({ cache_type_k: 'q8_0', flash_attention: 'off' }), []);
      assert.deepEqual(check({ cache_type_v: 'bf16', flash_attention: 'off' }), []);
    }
  });
});

describe('the command line of the builtin engine', () => {
  it('is parsed back to the same options', () => {
    const given = {
      context: 512,
      slots: 2,
      threads: 1,
      gpu_layers: 'all',
      flash_attention: 'on',
      chat_template: '--{{ a }}',
    };
    const { args, env } = command(launch('builtin', given));
    const read = readArguments(args);
    assert.equal(read.model, '/models/a b.gguf');
    assert.deepEqual(read.names, ['a', 'a:latest']);
    assert.deepEqual([read.gpu, read.gpuLayers, read.flashAttention], ['cuda', 'max', true]);
    assert.deepEqual([read.context, read.slots, read.threads, read.port], [512, 2, 1, 18001]);
    assert.equal(read.chatTemplate, '--{{ a }}');
    assert.equal(env?.['RBEE_API_KEY'], 'secret');
  });

  it('is refused with the name of the wrong argument', () => {
    assert.throws(() => readArguments([]), /--model is required/);
    assert.throws(() => readArguments(['--model', 'a', '--slots', 'many']), /--slots must be a whole number/);
    assert.throws(() => readArguments(['--model', 'a', '--gpu', 'rocm']), /--gpu must be one of/);
    assert.throws(() => readArguments(['--model', 'a', '--nope']), /--nope/);
  });
});

describe('the command line of either engine', () => {
  it('never contains the API key', () => {
    for (const id of ['llama-server', 'builtin']) {
      const { args, env } = command(launch(id));
      assert.ok(!args.join(' ').includes('secret'));
      assert.ok(Object.values(env ?? {}).includes('secret'));
    }
  });

  it('is the same with explicit and with omitted defaults', () => {
    const defaults = Object.fromEntries(
      Object.entries(options.properties).map(([name, option]) => [name, option.default]),
    );
    for (const id of ['llama-server', 'builtin']) {
      assert.deepEqual(command(launch(id)), command(launch(id, defaults)));
    }
  });
});
