import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Launch } from '@rbee/contract';
import { resolveType } from '../../core/conformance/index.ts';
import type from './index.ts';
import { readArguments } from './server/arguments.ts';

const { command, variants } = resolveType(type);

const launch = (id: string, options: Record<string, unknown> = {}, more: Partial<Launch> = {}): Launch => {
  const device = more.device ?? { kind: 'cpu', indices: [] };
  return {
    id: 'whisper-1',
    variant: device.kind,
    device,
    deviceFlags: variants.find(({ id: kind }) => kind === device.kind)?.deviceFlags(device) ?? { args: [], env: {} },
    options,
    binary: { id, kind: 'path', path: '/x', argv: ['/opt/whisper server', '-x'] },
    models: { main: '/models/a b' },
    names: ['a', 'a:latest'],
    host: '127.0.0.1',
    port: 18001,
    apiKey: 'secret',
    ...more,
  };
};
const cuda = { device: { kind: 'cuda', indices: [1] } };

describe('the command line', () => {
  it('is parsed back to the same options', () => {
    const given = {
      dtype: 'q8',
      language: 'German',
      chunk_seconds: 20,
      slots: 2,
      queue_limit: 3,
      max_upload_mb: 4,
      threads: 5,
      temperature_fallback: false,
    };
    const { args, env } = command(launch('onnx', given, cuda));
    assert.deepEqual(readArguments(args), {
      model: '/models/a b',
      names: ['a', 'a:latest'],
      host: '127.0.0.1',
      port: 18001,
      device: 'cuda',
      dtype: 'q8',
      language: 'de',
      chunkSeconds: 20,
      slots: 2,
      queueLimit: 3,
      uploadBytes: 4 * 1024 * 1024,
      threads: 5,
      temperatureFallback: false,
      engine: [],
    });
    assert.equal(env?.['RBEE_API_KEY'], 'secret');
    assert.equal(env?.['CUDA_VISIBLE_DEVICES'], '1');
    assert.equal(readArguments(command(launch('onnx')).args).language, null);
  });

  it('passes whisper-server to its adapter, restricted to the device of each variant', () => {
    const cases: [more: Partial<Launch>, flags: string[]][] = [
      [{}, ['--no-gpu']],
      // whisper-server sees only this device.
      [cuda, ['--device', '0']],
    ];
    for (const [more, flags] of cases) {
      const { args } = command(launch('whisper-server', { threads: 2, extra_args: ['--beam-size', '5'] }, more));
      assert.deepEqual(readArguments(args).engine, [
        '/opt/whisper server',
        '-x',
        ...['--model', '/models/a b'],
        ...flags,
        ...['--threads', '2'],
        ...['--beam-size', '5'],
      ]);
    }
  });

  it('refuses arguments that rbee sets or that expose more than the model', () => {
    for (const flag of ['--host', '--port=1', '-m', '--public', '--convert', '--request-path', '--no-gpu']) {
      const asked = () => command(launch('whisper-server', { extra_args: [flag] }));
      assert.throws(asked, /extra_args cannot contain/, flag);
    }
  });

  it('names the wrong argument', () => {
    const cases: [args: string[], says: RegExp][] = [
      [[], /--model is required/],
      [['--model=a', '--port', 'x'], /--port must be a whole number/],
      [['--model=a', '--slots', '0'], /--slots must be a whole number from 1/],
      [['--model=a', '--dtype', 'fp1'], /--dtype must be one of auto, fp32/],
      [['--model=a', '--language', 'klingon'], /klingon/],
      [['--model=a', '--what'], /--what/],
    ];
    for (const [args, says] of cases) assert.throws(() => readArguments(args), { exitCode: 64, message: says });
  });
});
