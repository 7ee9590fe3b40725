import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Launch } from '@rbee/core/contract';
import { command } from './command.ts';
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

  it('leaves the layers to llama.cpp unless told, and to no GPU on the CPU', () => {
    assert.ok(!command(launch('llama-server')).args.includes('--gpu-layers'));
    assert.equal(argumentOf(command(launch('llama-server', { gpu_layers: '12' })).args, '--gpu-layers'), '12');
    assert.equal(argumentOf(command(launch('llama-server', { gpu_layers: 'all' })).args, '--gpu-layers'), '9999');
    assert.ok(!command(launch('llama-server', { gpu_layers: '12' }, { variant: 'cpu' })).args.includes('--gpu-layers'));
  });

  it('adds extra arguments, and refuses those that are ours or open more than the model', () => {
    const { args } = command(launch('llama-server', { extra_args: ['--swa-full', '--keep', '4'] }));
    assert.deepEqual(args.slice(-3), ['--swa-full', '--keep', '4']);
    for (const flag of ['--tools', '--host', '--port=1', '--api-key', '--model', '-m', '--agent', '--rpc', '--path']) {
      assert.throws(() => command(launch('llama-server', { extra_args: [flag] })), /extra_args may not hold/, flag);
    }
  });
});

describe('the command line of the builtin engine', () => {
  it('is read back as it was meant', () => {
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

  it('is refused by name when it is wrong', () => {
    assert.throws(() => readArguments([]), /--model is required/);
    assert.throws(() => readArguments(['--model', 'a', '--slots', 'many']), /--slots must be a whole number/);
    assert.throws(() => readArguments(['--model', 'a', '--gpu', 'rocm']), /--gpu must be one of/);
    assert.throws(() => readArguments(['--model', 'a', '--nope']), /--nope/);
  });
});

describe('the command line of either engine', () => {
  it('never holds the key', () => {
    for (const id of ['llama-server', 'builtin']) {
      const { args, env } = command(launch(id));
      assert.ok(!args.join(' ').includes('secret'));
      assert.ok(Object.values(env ?? {}).includes('secret'));
    }
  });

  it('is the same for the same launch, with the defaults of the options', () => {
    const defaults = Object.fromEntries(
      Object.entries(options.properties).map(([name, option]) => [name, option.default]),
    );
    for (const id of ['llama-server', 'builtin']) {
      assert.deepEqual(command(launch(id)), command(launch(id, defaults)));
    }
  });
});
