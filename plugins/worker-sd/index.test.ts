import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Device, HostFacts } from '@rbee/contract';
import { resolveType } from '../../core/conformance/index.ts';
import type from './index.ts';

const plugin = resolveType(type);

const variant = (id: string) => {
  const found = plugin.variants.find((one) => one.id === id);
  assert.ok(found, id);
  return found;
};

const host = (facts: Partial<HostFacts> = {}): HostFacts => ({
  platform: { os: 'linux', cpu: 'x64', libc: 'glibc' },
  libcVersion: '2.36',
  cpu: { model: 'any', cores: 8 },
  memory: { total: 2 ** 34, available: 2 ** 33 },
  devices: [],
  probes: {},
  ...facts,
});
const gpu = (kind: string, fault?: string) => ({ id: `${kind}:0`, kind, name: 'any', ...(fault ? { fault } : {}) });
const listed = (...names: string[]) => ({ 'sd-server': { names } });

describe('the flags of a device', () => {
  const table: [kind: string, indices: number[], args: string[], env: Record<string, string>][] = [
    [
      'cpu',
      [],
      ['--backend', 'cpu'],
      { CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1', GGML_DISABLE_VULKAN: '1' },
    ],
    ['cuda', [0], ['--backend', 'cuda0'], { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '0' }],
    ['cuda', [3], ['--backend', 'cuda0'], { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '3' }],
    [
      'cuda',
      [2, 3],
      ['--backend', 'diffusion=cuda0&cuda1,te=cuda0,vae=cuda0'],
      { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '2,3' },
    ],
    ['vulkan', [1], ['--backend', 'vulkan0'], { GGML_VK_VISIBLE_DEVICES: '1' }],
    [
      'vulkan',
      [0, 1],
      ['--backend', 'diffusion=vulkan0&vulkan1,te=vulkan0,vae=vulkan0'],
      { GGML_VK_VISIBLE_DEVICES: '0,1' },
    ],
    ['rocm', [1], ['--backend', 'rocm0'], { HIP_VISIBLE_DEVICES: '1' }],
    ['metal', [0], [], {}],
  ];
  for (const [kind, indices, args, env] of table) {
    it(`of ${kind} ${indices.join(',')} select it in sd-server and hide all others`, () => {
      const device: Device = { kind, indices };
      assert.deepEqual(variant(kind).deviceFlags(device), { args, env });
    });
  }
});

describe('where the program comes from', () => {
  const ids = (id: string, engine: string, os = 'linux', cpu = 'x64', format?: string) =>
    variant(id)
      .resolveBinary({
        platform: { os, cpu },
        version: '1.0.0',
        options: { engine },
        ...(format !== undefined && { model: { format } }),
      })
      .map((source) => source.id);

  it('is sd-server, then the builtin engine if onnxruntime supports the device, before a model is known', () => {
    const both = ['sd-server', 'builtin'];
    const table: [string, string, string, string[]][] = [
      ['cpu', 'linux', 'x64', both],
      ['cpu', 'linux', 'arm64', both],
      ['cpu', 'darwin', 'arm64', both],
      ['cpu', 'darwin', 'x64', ['sd-server']],
      ['cpu', 'win32', 'x64', both],
      ['cuda', 'linux', 'x64', both],
      ['cuda', 'linux', 'arm64', ['sd-server']],
      ['cuda', 'win32', 'x64', ['sd-server']],
      ['vulkan', 'linux', 'x64', ['sd-server']],
      ['metal', 'darwin', 'arm64', both],
      ['rocm', 'linux', 'x64', ['sd-server']],
    ];
    for (const [id, os, cpu, expected] of table)
      assert.deepEqual(ids(id, 'auto', os, cpu), expected, `${id} ${os} ${cpu}`);
  });

  it('is the engine that loads the model', () => {
    const of = (id: string, format: string) => ids(id, 'auto', 'linux', 'x64', format);
    for (const format of ['gguf', 'safetensors']) {
      for (const id of ['cpu', 'cuda', 'vulkan']) assert.deepEqual(of(id, format), ['sd-server'], `${id} ${format}`);
    }
    assert.deepEqual(of('cpu', 'onnx-dir'), ['builtin']);
    assert.deepEqual(of('vulkan', 'onnx-dir'), []);
    assert.deepEqual(ids('cpu', 'sd-server', 'linux', 'x64', 'onnx-dir'), ['sd-server']);
    assert.deepEqual(ids('cpu', 'builtin', 'linux', 'x64', 'gguf'), ['builtin']);
  });

  it('is what the option says', () => {
    assert.deepEqual(ids('cpu', 'builtin'), ['builtin']);
    assert.deepEqual(ids('cpu', 'sd-server'), ['sd-server']);
    assert.deepEqual(ids('rocm', 'builtin'), []);
  });
});

describe('whether a variant fits', () => {
  const reasons = (id: string, facts: Partial<HostFacts>) => {
    const fit = variant(id).fits(host(facts));
    return fit.fits ? '' : fit.reasons.join('; ');
  };

  it('comes with the reason', () => {
    const musl = { os: 'linux', cpu: 'x64', libc: 'musl' } as const;
    const cases: [string, Partial<HostFacts>, RegExp][] = [
      ['cpu', {}, /^$/],
      ['cpu', { libcVersion: '2.27' }, /glibc 2\.28 .* has 2\.27.*RBEE_SD_SERVER/],
      ['cpu', { platform: musl }, /musl/],
      ['cpu', { platform: musl, probes: listed('CPU') }, /^$/],
      ['cpu', { platform: { os: 'freebsd', cpu: 'x64' } }, /not built for freebsd/],
      ['cpu', { platform: { os: 'darwin', cpu: 'x64' } }, /cannot use cpu on darwin x64/],
      ['cpu', { probes: { 'sd-server': { problem: 'libfoo.so is missing' } } }, /does not run here: libfoo/],
      ['cuda', {}, /no cuda device/],
      ['cuda', { devices: [gpu('cuda')] }, /^$/],
      ['cuda', { devices: [gpu('cuda', 'it fell off the bus')] }, /cuda:0 cannot be used: it fell off/],
      ['cuda', { devices: [gpu('cuda')], probes: listed('CPU') }, /sees no cuda device/],
      ['cuda', { devices: [gpu('cuda')], probes: listed('CUDA0', 'CPU') }, /^$/],
      ['cuda', { devices: [gpu('cuda')], probes: { 'sd-server': {} } }, /^$/],
      ['vulkan', { devices: [gpu('vulkan')] }, /cannot use vulkan.*sd-server/],
      ['vulkan', { devices: [gpu('vulkan')], probes: listed('Vulkan0') }, /^$/],
      ['rocm', { devices: [gpu('rocm')], probes: listed('ROCm0') }, /^$/],
      ['metal', { devices: [gpu('metal')] }, /not built for linux/],
      ['metal', { devices: [gpu('metal')], platform: { os: 'darwin', cpu: 'arm64' } }, /^$/],
    ];
    for (const [id, facts, says] of cases) assert.match(reasons(id, facts), says, `${id} ${JSON.stringify(facts)}`);
  });

  it('depends on the probe of the program, which may be too old to answer', () => {
    const [probe] = plugin.probes;
    const parse = (stdout: string, stderr: string, code: number) => probe?.parse({ stdout, stderr, code });
    assert.deepEqual(parse('CUDA0\tNVIDIA GeForce RTX 4090\nCPU\tAMD Ryzen\n', '', 0), { names: ['CUDA0', 'CPU'] });
    assert.deepEqual(parse('', 'error: unknown argument: --list-devices\n', 1), {});
    const missing = 'sd-server: error while loading shared libraries: libcudart.so.12: cannot open shared object file';
    assert.match((parse('', missing, 127) as { problem: string }).problem, /libcudart\.so\.12/);
  });
});
