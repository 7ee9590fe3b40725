import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveType } from './resolved-type.ts';
import type { DeviceFacts, HostFacts, Variant } from './worker-type.ts';

const variantOf = (more: Partial<Variant>) => {
  const variant: Variant = { id: 'cuda', binds: 'cuda', resolveBinary: [], ...more };
  const [resolved] = resolveType({
    name: 'a',
    apiVersion: 1,
    serves: [{ path: '/v1/a', kind: 'other' }],
    variants: [variant],
    command: [],
    health: { ready: { mode: 'callback' } },
  }).variants;
  assert.ok(resolved);
  return resolved;
};

const hostWith = (...devices: Partial<DeviceFacts>[]): HostFacts => ({
  platform: { os: 'linux', cpu: 'x64', libc: 'glibc' },
  cpu: { model: 'x', cores: 1 },
  memory: { total: 1, available: 1 },
  devices: devices.map((device) => ({ id: 'cuda:0', kind: 'cuda', name: 'x', ...device })),
  probes: {},
});

test("binds sets the environment for a device, and the variant's own flags override it", () => {
  const device = { kind: 'cuda', indices: [1, 3] };
  const bound = { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '1,3' };
  assert.deepEqual(variantOf({}).deviceFlags(device), { args: [], env: bound });
  const added = variantOf({ deviceFlags: ({ indices }) => ({ args: ['--gpu', String(indices[0])], env: { X: '1' } }) });
  assert.deepEqual(added.deviceFlags(device), { args: ['--gpu', '1'], env: { ...bound, X: '1' } });
  const over = variantOf({ deviceFlags: { env: { CUDA_VISIBLE_DEVICES: 'all' } } });
  assert.equal(over.deviceFlags(device).env['CUDA_VISIBLE_DEVICES'], 'all');
  const others: [Variant['binds'], Record<string, string>][] = [
    ['rocm', { HIP_VISIBLE_DEVICES: '1,3' }],
    ['vulkan', { GGML_VK_VISIBLE_DEVICES: '1,3' }],
    ['metal', {}],
    ['cpu', { CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1', GGML_DISABLE_VULKAN: '1' }],
    [undefined, {}],
  ];
  for (const [binds, env] of others) assert.deepEqual(variantOf({ binds }).deviceFlags(device), { args: [], env });
});

test('a variant uses the kind that it binds, unless it declares others', () => {
  assert.deepEqual(variantOf({ id: 'cuda12' }).devices, ['cuda']);
  assert.deepEqual(variantOf({ id: 'npu', binds: undefined }).devices, ['npu']);
  assert.deepEqual(variantOf({ devices: ['a', 'b'] }).devices, ['a', 'b']);
});

test('without fits, a variant fits any host of its platforms with a working device', () => {
  const cases: [Partial<Variant>, HostFacts, RegExp | true][] = [
    [{}, hostWith({}), true],
    [{}, hostWith(), /this machine has no cuda device/],
    [{}, hostWith({ fault: 'it is too hot' }), /cuda:0 cannot be used: it is too hot/],
    [{}, hostWith({ fault: 'it is too hot' }, { id: 'cuda:1' }), true],
    [{ id: 'cpu', binds: 'cpu' }, hostWith(), true],
    [{ platforms: ['linux-x64'] }, hostWith({}), true],
    [{ platforms: ['linux-x64-musl'] }, hostWith({}), /not built for linux x64/],
    [{ platforms: ['linux-arm64', 'darwin-arm64'] }, hostWith({}), /not built for linux x64/],
  ];
  for (const [variant, host, expected] of cases) {
    const fit = variantOf(variant).fits(host);
    if (expected === true) assert.deepEqual(fit, { fits: true });
    else assert.match(fit.fits ? 'it fits' : fit.reasons.join('; '), expected);
  }
});

test('fits receives the default answer and replaces it', () => {
  const never = variantOf({ fits: (_, usual) => (usual.fits ? { fits: false, reasons: ['never'] } : usual) });
  assert.deepEqual(never.fits(hostWith({})), { fits: false, reasons: ['never'] });
  assert.deepEqual(never.fits(hostWith()), { fits: false, reasons: ['this machine has no cuda device'] });
  assert.deepEqual(variantOf({ fits: () => ({ fits: true }) }).fits(hostWith()), { fits: true });
});
