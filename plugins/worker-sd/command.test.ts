import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Launch } from '@rbee/contract';
import { readArguments as readAdapter } from './adapter/arguments.ts';
import { command } from './command.ts';
import { options } from './options.ts';
import { readArguments as readBuiltin } from './server/arguments.ts';

const launch = (id: string, given: Record<string, unknown> = {}, more: Partial<Launch> = {}): Launch => ({
  id: 'sd-1',
  variant: 'cuda',
  device: { kind: 'cuda', indices: [1] },
  deviceFlags: { args: ['--backend', 'cuda0'], env: { CUDA_VISIBLE_DEVICES: '1' } },
  options: given,
  binary: { id, kind: 'path', path: '/opt/sd-server', argv: ['/opt/sd-server'] },
  models: { main: '/models/a b' },
  names: ['a', '-odd name'],
  host: '127.0.0.1',
  port: 18001,
  apiKey: 'secret',
  ...more,
});

describe('the command line of the builtin engine', () => {
  it('is parsed back to the same options', () => {
    const given = {
      size: 768,
      steps: 12,
      guidance: 0,
      max_size: 900,
      max_images: 3,
      max_steps: 40,
      queue_limit: 5,
      threads: 2,
    };
    const { args, env } = command(launch('builtin', given));
    const { serve, model, provider, threads } = readBuiltin(args);
    assert.deepEqual([model, provider, threads], ['/models/a b', 'cuda', 2]);
    assert.deepEqual(serve, {
      names: ['a', '-odd name'],
      host: '127.0.0.1',
      port: 18001,
      queueLimit: 5,
      bounds: { images: 3, size: 900, steps: 40 },
      steps: 12,
      guidance: 0,
      size: 768,
    });
    assert.deepEqual(env, { CUDA_VISIBLE_DEVICES: '1', RBEE_API_KEY: 'secret' });
  });

  it("uses the variant's provider", () => {
    const provider = (variant: string) => readBuiltin(command(launch('builtin', {}, { variant })).args).provider;
    assert.deepEqual(['cpu', 'cuda', 'metal'].map(provider), ['cpu', 'cuda', 'webgpu']);
  });

  it('is refused with the name of the wrong argument', () => {
    assert.throws(() => readBuiltin([]), /--model is required/);
    assert.throws(() => readBuiltin(['--model=a', '--max-size=big']), /--max-size must be a whole number/);
    assert.throws(() => readBuiltin(['--model=a', '--guidance=x']), /--guidance must be a number/);
    assert.throws(() => readBuiltin(['--model=a', '--provider=tpu']), /--provider must be one of/);
    assert.throws(() => readBuiltin(['--model=a', '--nope=1']), /--nope/);
    const components = command(launch('builtin', {}, { models: { main: '/a', vae: '/v' } })).args;
    assert.throws(() => readBuiltin(components), /without components, not: --vae/);
  });
});

describe('the command line of sd-server', () => {
  const engineOf = (given: Record<string, unknown> = {}, more: Partial<Launch> = {}) =>
    readAdapter(command(launch('sd-server', given, more)).args).engine;

  it('follows that of its adapter', () => {
    assert.deepEqual(engineOf(), ['/opt/sd-server', '--model', '/models/a b', '--backend', 'cuda0', '--eager-load']);
  });

  it('passes a model in parts', () => {
    const models = { main: '/flux.gguf', vae: '/ae.safetensors', clip_l: '/clip_l', t5xxl: '/t5' };
    const parts = [
      '--diffusion-model',
      '/flux.gguf',
      '--vae',
      '/ae.safetensors',
      '--clip_l',
      '/clip_l',
      '--t5xxl',
      '/t5',
    ];
    assert.deepEqual(engineOf({}, { models }).slice(1, 9), parts);
    assert.deepEqual(engineOf({}, { models: { main: '/m', vae: '/v' } }).slice(1, 5), ['--model', '/m', '--vae', '/v']);
  });

  it('maps options to flags', () => {
    const given = {
      threads: 4,
      weight_type: 'q8_0',
      flash_attention: true,
      offload: true,
      vae_tiling: true,
      eager_load: false,
    };
    assert.deepEqual(engineOf(given).slice(5), [
      ...['--threads', '4', '--type', 'q8_0'],
      ...['--diffusion-fa', '--offload-to-cpu', '--vae-tiling'],
    ]);
  });

  it('adds extra arguments, and refuses those that rbee sets', () => {
    assert.deepEqual(engineOf({ extra_args: ['--mmap', '--rng', 'cpu'] }).slice(-3), ['--mmap', '--rng', 'cpu']);
    for (const flag of ['--listen-ip', '-l', '--listen-port=1', '--model', '-m', '--serve-html-path', '--backend']) {
      assert.throws(() => command(launch('sd-server', { extra_args: [flag] })), /extra_args cannot contain/, flag);
    }
  });
});

describe('the command line of either engine', () => {
  it('never contains the API key, and is the same with explicit defaults', () => {
    const defaults = Object.fromEntries(
      Object.entries(options.properties).map(([name, option]) => [name, option.default]),
    );
    for (const id of ['sd-server', 'builtin']) {
      const { args } = command(launch(id));
      assert.ok(!args.join(' ').includes('secret'));
      assert.deepEqual(command(launch(id)), command(launch(id, defaults)));
    }
  });
});
