import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { HostFacts } from '@rbee/contract';
import { resolveType } from '../../core/conformance/index.ts';
import type from './index.ts';

const plugin = resolveType(type);

const folder = import.meta.dirname;
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

describe('the llamacpp worker type', () => {
  it('matches its manifest', () => {
    const declared = manifest.rbee.workerTypes.llamacpp;
    assert.equal(plugin.name, 'llamacpp');
    assert.equal(plugin.apiVersion, manifest.rbee.api);
    assert.deepEqual(
      plugin.serves.map(({ path }) => path),
      declared.serves,
    );
    assert.deepEqual(
      plugin.variants.map(({ id }) => id),
      declared.variants,
    );
    assert.ok(manifest.keywords.includes('rbee-worker'));
  });

  it('loads where it can read only its own folder, without the engine', () => {
    const script = `import(${JSON.stringify(join(folder, 'index.ts'))}).then(({ default: type }) =>
      process.stdout.write([type.name, ...type.variants.map((variant) => variant.id)].join(' ')))`;
    const args = ['--permission', `--allow-fs-read=${folder}/*`, '--input-type=module', '--eval', script];
    const said = execFileSync(process.execPath, args, { encoding: 'utf8', cwd: folder });
    assert.equal(said, 'llamacpp cpu cuda vulkan metal rocm');
  });

  it('explains each option in one line and gives it a default', () => {
    for (const [name, option] of Object.entries(plugin.options.properties)) {
      assert.ok('default' in option, name);
      assert.ok(option.description.length > 10 && !option.description.includes('\n'), name);
      if ('enum' in option) assert.ok((option.enum as readonly string[]).includes(option.default), name);
    }
  });

  it('has a row in the README for each option', () => {
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    for (const name of Object.keys(plugin.options.properties)) assert.ok(readme.includes(`| \`${name}\` |`), name);
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
const gpu = (kind: string, fault?: string) => ({ id: `${kind}:0`, kind, name: 'test', fault });
const variant = (id: string) => {
  const found = plugin.variants.find((one) => one.id === id);
  assert.ok(found);
  return found;
};
const reasons = (id: string, facts: Partial<HostFacts>) => {
  const fit = variant(id).fits(host(facts));
  return fit.fits ? '' : fit.reasons.join('; ');
};
const listed = (...names: string[]) => ({
  'llama-server': { ran: true, devices: names.map((name) => ({ name, description: 'test', total: 1, free: 1 })) },
});

describe('a variant of llamacpp', () => {
  it('fits a host with the right platform, program and device, and says why it does not fit others', () => {
    const cases: [id: string, facts: Partial<HostFacts>, says: RegExp][] = [
      ['cpu', {}, /^$/],
      ['cpu', { platform: { os: 'darwin', cpu: 'arm64' } }, /^$/],
      ['cpu', { platform: { os: 'linux', cpu: 'riscv64' } }, /not built for linux riscv64/],
      ['cpu', { platform: { os: 'linux', cpu: 'x64', libc: 'musl' } }, /musl/],
      ['cpu', { platform: { os: 'linux', cpu: 'x64', libc: 'musl' }, probes: listed() }, /^$/],
      ['cpu', { libcVersion: '2.31' }, /glibc 2\.35 and this machine has 2\.31/],
      ['cpu', { probes: { 'llama-server': { ran: false, problem: 'libfoo.so is missing', devices: [] } } }, /libfoo/],
      ['cuda', {}, /no cuda device/],
      ['cuda', { devices: [gpu('cuda')] }, /^$/],
      ['cuda', { devices: [gpu('cuda', 'fell off the bus')] }, /cuda:0 cannot be used: fell off the bus/],
      ['cuda', { devices: [gpu('cuda')], probes: listed('CUDA0') }, /^$/],
      ['cuda', { devices: [gpu('cuda')], probes: listed() }, /sees no cuda device/],
      ['cuda', { devices: [gpu('cuda')], platform: { os: 'linux', cpu: 'arm64' } }, /no cuda build/],
      ['rocm', { devices: [gpu('rocm')] }, /no rocm build/],
      ['rocm', { devices: [gpu('rocm')], probes: listed('ROCm0') }, /^$/],
      ['vulkan', { devices: [gpu('vulkan')], probes: listed('Vulkan0') }, /^$/],
      ['metal', { devices: [gpu('metal')] }, /not built for linux/],
      ['metal', { devices: [gpu('metal')], platform: { os: 'darwin', cpu: 'arm64' } }, /^$/],
    ];
    for (const [id, facts, says] of cases) assert.match(reasons(id, facts), says, `${id} ${JSON.stringify(facts)}`);
  });

  it('restricts the engine to its device and hides the others', () => {
    const flags = (id: string, kind: string, ...indices: number[]) => variant(id).deviceFlags({ kind, indices });
    assert.deepEqual(flags('cpu', 'cpu').args, ['--device', 'none']);
    assert.equal(flags('cpu', 'cpu').env['CUDA_VISIBLE_DEVICES'], '-1');
    assert.deepEqual(flags('cuda', 'cuda', 2, 3), {
      args: ['--device', 'CUDA0,CUDA1'],
      env: { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '2,3' },
    });
    assert.deepEqual(flags('rocm', 'rocm', 1), { args: ['--device', 'ROCm0'], env: { HIP_VISIBLE_DEVICES: '1' } });
    assert.deepEqual(flags('vulkan', 'vulkan', 1), {
      args: ['--device', 'Vulkan0'],
      env: { GGML_VK_VISIBLE_DEVICES: '1' },
    });
    assert.deepEqual(flags('metal', 'metal', 0), { args: ['--device', 'MTL0'], env: {} });
  });

  it('prefers llama-server, falls back to the builtin engine if it has a build, and obeys the option', () => {
    const ids = (id: string, engine: string, os = 'linux', cpu = 'x64') =>
      variant(id)
        .resolveBinary({ platform: { os, cpu }, version: '1.0.0', options: { engine } })
        .map((source) => source.id);
    assert.deepEqual(ids('cpu', 'auto'), ['llama-server', 'builtin']);
    assert.deepEqual(ids('cpu', 'builtin'), ['builtin']);
    assert.deepEqual(ids('cpu', 'llama-server'), ['llama-server']);
    assert.deepEqual(ids('rocm', 'auto'), ['llama-server']);
    assert.deepEqual(ids('rocm', 'builtin'), []);
    assert.deepEqual(ids('cuda', 'auto', 'linux', 'arm64'), ['llama-server']);
  });

  it('does not download GPU libraries on a CPU host', () => {
    const { packages } = variant('cpu');
    assert.ok(packages?.leaveOut?.includes('@node-llama-cpp/linux-x64-cuda'));
    assert.ok(packages?.leaveOut?.includes('@node-llama-cpp/linux-x64-vulkan'));
  });
});

describe('the probe of llama-server', () => {
  const [probe] = plugin.probes;
  it('reads the devices', () => {
    const stdout =
      'Available devices:\n  CUDA0: NVIDIA GeForce RTX 4090 (24077 MiB, 23000 MiB free)\n  Vulkan0: X (1) (8 MiB, 7 MiB free)\n';
    const mebibyte = 1024 * 1024;
    assert.deepEqual(probe?.parse({ stdout, stderr: '', code: 0 }), {
      ran: true,
      devices: [
        { name: 'CUDA0', description: 'NVIDIA GeForce RTX 4090', total: 24077 * mebibyte, free: 23000 * mebibyte },
        { name: 'Vulkan0', description: 'X (1)', total: 8 * mebibyte, free: 7 * mebibyte },
      ],
    });
    assert.deepEqual(probe?.parse({ stdout: 'Available devices:\n  (none)\n', stderr: '', code: 0 }), {
      ran: true,
      devices: [],
    });
  });

  it('keeps the error message of a program that does not run', () => {
    const stderr = 'first\nerror while loading shared libraries: libcudart.so.12: cannot open shared object file\n';
    assert.match((probe?.parse({ stdout: '', stderr, code: 127 }) as { problem: string }).problem, /libcudart/);
  });
});
