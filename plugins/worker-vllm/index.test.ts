import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { HostFacts } from '@rbee/contract';
import { resolveType } from '../../core/conformance/index.ts';
import type from './index.ts';
import { pinnedVersion } from './options.ts';

const plugin = resolveType(type);

const folder = import.meta.dirname;
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

describe('the vllm worker type', () => {
  it('matches its manifest', () => {
    const declared = manifest.rbee.workerTypes.vllm;
    assert.equal(plugin.apiVersion, manifest.rbee.api);
    assert.deepEqual(
      plugin.serves.map(({ path }) => path),
      declared.serves,
    );
    assert.deepEqual(
      plugin.variants.map(({ id }) => id),
      declared.variants,
    );
  });

  it('loads where it can read only its own folder', () => {
    const script = `import(${JSON.stringify(join(folder, 'index.ts'))}).then(({ default: type }) =>
      process.stdout.write([type.name, ...type.variants.map((variant) => variant.id)].join(' ')))`;
    const args = ['--permission', `--allow-fs-read=${folder}/*`, '--input-type=module', '--eval', script];
    const said = execFileSync(process.execPath, args, { encoding: 'utf8', cwd: folder });
    assert.equal(said, 'vllm cuda cuda12 rocm cpu');
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
const gpu = (kind: string, more: object = {}) => ({ id: `${kind}:0`, kind, name: 'test', ...more });
const variant = (id: string) => {
  const found = plugin.variants.find((one) => one.id === id);
  assert.ok(found);
  return found;
};
const reasons = (id: string, facts: Partial<HostFacts>) => {
  const fit = variant(id).fits(host(facts));
  return fit.fits ? '' : fit.reasons.join('; ');
};
const answered = { probes: { vllm: { version: '0.20.1' } } };

describe('a variant of vllm', () => {
  it('fits a host with the right platform, driver and device, and says why it does not fit others', () => {
    const cases: [id: string, facts: Partial<HostFacts>, says: RegExp][] = [
      ['cpu', {}, /^$/],
      ['cpu', { platform: { os: 'linux', cpu: 'arm64', libc: 'glibc' } }, /^$/],
      ['cpu', { platform: { os: 'darwin', cpu: 'arm64' } }, /not built for darwin arm64/],
      ['cpu', { platform: { os: 'linux', cpu: 'x64', libc: 'musl' } }, /not built for linux x64 with musl/],
      ['cpu', { libcVersion: '2.31' }, /glibc 2\.34 and this machine has 2\.31/],
      ['cpu', { libcVersion: '2.31', ...answered }, /^$/],
      ['cpu', { probes: { vllm: { problem: 'ImportError: libfoo.so' } } }, /does not run here: ImportError: libfoo/],
      ['cuda', {}, /no cuda device/],
      ['cuda', { devices: [gpu('cuda')] }, /^$/],
      ['cuda', { devices: [gpu('cuda', { computeCapability: '7.5' })], cudaDriver: '13.0' }, /^$/],
      ['cuda', { devices: [gpu('cuda', { computeCapability: '12.0' })], cudaDriver: '13.1' }, /^$/],
      ['cuda', { devices: [gpu('cuda', { computeCapability: '7.0' })] }, /capability 7\.0 and vLLM needs 7\.5/],
      ['cuda', { devices: [gpu('cuda', { fault: 'it fell off the bus' })] }, /cuda:0 cannot be used: it fell off/],
      ['cuda', { devices: [gpu('cuda', { uuid: 'MIG-377e' })] }, /MIG slice/],
      ['cuda', { devices: [gpu('cuda')], cudaDriver: '12.9' }, /driver for CUDA 13\.0 and this one is for 12\.9/],
      ['cuda', { devices: [gpu('cuda')], cudaDriver: '12.4', ...answered }, /^$/],
      ['cuda12', { devices: [gpu('cuda')], cudaDriver: '12.9' }, /^$/],
      ['cuda12', { devices: [gpu('cuda')], cudaDriver: '12.8' }, /driver for CUDA 12\.9/],
      ['rocm', { devices: [gpu('rocm')] }, /^$/],
      ['rocm', { devices: [gpu('rocm')], libcVersion: '2.34' }, /glibc 2\.35/],
      ['rocm', { devices: [gpu('cuda')] }, /no rocm device/],
    ];
    for (const [id, facts, says] of cases) assert.match(reasons(id, facts), says, `${id} ${JSON.stringify(facts)}`);
  });

  it('fits if one of several devices fits', () => {
    const devices = [
      gpu('cuda', { computeCapability: '6.1' }),
      { ...gpu('cuda'), id: 'cuda:1', computeCapability: '9.0' },
    ];
    assert.equal(reasons('cuda', { devices }), '');
  });

  it('restricts vLLM to its device by number, and hides the others', () => {
    const table: [id: string, kind: string, indices: number[], env: Record<string, string>][] = [
      ['cpu', 'cpu', [], { CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1', GGML_DISABLE_VULKAN: '1' }],
      ['cuda', 'cuda', [0], { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '0' }],
      ['cuda', 'cuda', [2, 3], { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '2,3' }],
      ['cuda12', 'cuda', [1], { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '1' }],
      ['rocm', 'rocm', [0], { HIP_VISIBLE_DEVICES: '0' }],
      ['rocm', 'rocm', [1, 0], { HIP_VISIBLE_DEVICES: '1,0' }],
    ];
    for (const [id, kind, indices, env] of table) {
      assert.ok((variant(id).devices ?? [id]).includes(kind));
      assert.deepEqual(variant(id).deviceFlags({ kind, indices }), { args: [], env }, `${id} ${indices}`);
    }
  });
});

describe('the program of vllm', () => {
  const sources = (id: string, options: Record<string, unknown> = {}, cpu = 'x64') =>
    variant(id).resolveBinary({ platform: { os: 'linux', cpu }, version: '1.0.0', options });
  const venv = (id: string, options: Record<string, unknown> = {}) => {
    const found = sources(id, options).find(({ kind }) => kind === 'python');
    assert.ok(found?.kind === 'python');
    return found;
  };

  it("is the machine's own rather than an installed one, unless an option says otherwise", () => {
    const kinds = (engine: string) => sources('cuda', { engine }).map(({ kind }) => kind);
    assert.deepEqual(kinds('auto'), ['path', 'python']);
    assert.deepEqual(kinds('system'), ['path']);
    assert.deepEqual(kinds('venv'), ['python']);
  });

  it("is installed as the variant's build, in one version", () => {
    assert.equal(venv('cuda').requirement, `vllm==${pinnedVersion}`);
    assert.equal(venv('cuda').indexes, undefined);
    assert.equal(venv('cuda12').requirement, `vllm==${pinnedVersion}+cu129`);
    assert.equal(venv('cpu').requirement, `vllm==${pinnedVersion}+cpu`);
    assert.ok(venv('cpu').indexes?.includes('https://download.pytorch.org/whl/cpu'));
    assert.equal(venv('cpu', { vllm_version: '0.28.1' }).requirement, 'vllm==0.28.1+cpu');
    assert.deepEqual(venv('rocm').indexes, ['https://wheels.vllm.ai/rocm/']);
  });

  it('gets the requested Python, and for ROCm the one that its wheels need', () => {
    assert.equal(venv('cuda').python, '3.12');
    assert.equal(venv('cuda', { python: 'python3.11' }).python, '3.11');
    assert.equal(venv('rocm', { python: 'python3.11' }).python, '3.12');
  });

  it('has another id if libraries must be preloaded', () => {
    assert.deepEqual(plugin.adapter.for, ['vllm-cpu']);
    assert.deepEqual([...new Set(sources('cpu').map(({ id }) => id))], ['vllm-cpu']);
    assert.deepEqual([...new Set(sources('rocm').map(({ id }) => id))], ['vllm']);
  });

  it('is probed for its version, or the reason why it does not run', () => {
    const parse = (stdout: string, stderr: string, code: number) => plugin.probes[0]?.parse({ stdout, stderr, code });
    assert.deepEqual(parse('0.29.0\n', '', 0), { version: '0.29.0' });
    assert.deepEqual(parse('INFO 09-19 platforms found\n0.29.1.dev3+cu129\n', 'a warning', 0), {
      version: '0.29.1.dev3+cu129',
    });
    const traceback =
      'Traceback (most recent call last):\n  File "x"\nImportError: libcudart.so.13: cannot open shared object file\n';
    assert.deepEqual(parse('', traceback, 1), {
      problem: 'ImportError: libcudart.so.13: cannot open shared object file',
    });
    assert.deepEqual(parse('', '', 3), { problem: 'it ended with exit code 3' });
  });
});
