import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { HostFacts } from '@rbee/contract';
import { resolveType } from '../../core/conformance/index.ts';
import type from './index.ts';

const plugin = resolveType(type);

const manifest = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'));

describe('the whisper worker type', () => {
  it('matches its manifest', () => {
    const declared = manifest.rbee.workerTypes.whisper;
    assert.deepEqual(
      [plugin.serves.map(({ path }) => path), plugin.variants.map(({ id }) => id)],
      [declared.serves, declared.variants],
    );
  });
});

const host = (facts: Partial<HostFacts> = {}): HostFacts => ({
  platform: { os: 'linux', cpu: 'x64', libc: 'glibc' },
  libcVersion: '2.36',
  cpu: { model: 'test', cores: 4 },
  memory: { total: 2 ** 34, available: 2 ** 33 },
  devices: [{ id: 'cpu', kind: 'cpu', name: 'test' }],
  probes: {},
  ...facts,
});
const gpu = (fault?: string) => ({ id: 'cuda:0', kind: 'cuda', name: 'test', fault });
const variant = (id: string) => {
  const found = plugin.variants.find((one) => one.id === id);
  assert.ok(found);
  return found;
};

describe('a variant of whisper', () => {
  it('fits a host with the right library and device, and says why it does not fit others', () => {
    const cases: [id: string, facts: Partial<HostFacts>, says: RegExp][] = [
      ['cpu', {}, /^$/],
      ['cpu', { platform: { os: 'darwin', cpu: 'arm64' }, libcVersion: undefined }, /^$/],
      ['cpu', { libcVersion: '2.17' }, /glibc 2\.28 and this machine has 2\.17/],
      ['cuda', {}, /no cuda device/],
      ['cuda', { devices: [gpu()] }, /^$/],
      ['cuda', { devices: [gpu()], cudaDriver: '13.0' }, /^$/],
      ['cuda', { devices: [gpu()], cudaDriver: '11.8' }, /CUDA 12 and this one is for 11\.8/],
      ['cuda', { devices: [gpu('fell off the bus')] }, /cuda:0 cannot be used: fell off the bus/],
    ];
    for (const [id, facts, says] of cases) {
      const fit = variant(id).fits(host(facts));
      assert.match(fit.fits ? '' : fit.reasons.join('; '), says, `${id} ${JSON.stringify(facts)}`);
    }
  });

  it('restricts its engine to the device and hides the others', () => {
    const cases: [id: string, kind: string, indices: number[], args: string[], env: Record<string, string>][] = [
      [
        'cpu',
        'cpu',
        [],
        ['--device', 'cpu'],
        { CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1', GGML_DISABLE_VULKAN: '1' },
      ],
      ['cuda', 'cuda', [0], ['--device', 'cuda'], { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '0' }],
      ['cuda', 'cuda', [3], ['--device', 'cuda'], { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '3' }],
      ['cuda', 'cuda', [2, 1], ['--device', 'cuda'], { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '2,1' }],
    ];
    for (const [id, kind, indices, args, env] of cases) {
      assert.deepEqual(variant(id).deviceFlags({ kind, indices }), { args, env }, `${id} ${kind}:${indices}`);
    }
  });

  it('uses the engine that loads the model, unless an option chooses one', () => {
    const ids = (options: object, format?: string) =>
      variant('cpu')
        .resolveBinary({
          platform: { os: 'linux', cpu: 'x64' },
          version: '1.0.0',
          options: { ...options },
          ...(format !== undefined && { model: { format } }),
        })
        .map((source) => source.id);
    assert.deepEqual(ids({}), ['onnx', 'whisper-server']);
    assert.deepEqual(ids({}, 'onnx-dir'), ['onnx']);
    assert.deepEqual(ids({}, 'ggml'), ['whisper-server']);
    assert.deepEqual(ids({ engine: 'whisper-server' }, 'onnx-dir'), ['whisper-server']);
    assert.deepEqual(ids({ engine: 'onnx' }, 'ggml'), ['onnx']);
    assert.deepEqual(plugin.adapter.for, ['whisper-server']);
  });

  it('leaves out packages that speech does not need', () => {
    for (const { packages } of plugin.variants) assert.deepEqual(packages?.leaveOut, ['onnxruntime-web', 'sharp']);
  });
});
