import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { HostFacts, Launch } from '@rbee/contract';
import { resolveType } from '../../core/conformance/index.ts';
import type from './index.ts';

const plugin = resolveType(type);

const folder = import.meta.dirname;
const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const variant = (id: string) => {
  const found = plugin.variants.find((one) => one.id === id);
  assert.ok(found);
  return found;
};

describe('the comfyui worker type', () => {
  it('matches its manifest', () => {
    const declared = manifest.rbee.workerTypes.comfyui;
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
    assert.equal(said, 'comfyui cuda rocm cpu');
  });

  it('has a row in the README for each option', () => {
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    for (const name of Object.keys(plugin.options.properties)) assert.ok(readme.includes(`| \`${name}\` |`), name);
  });
});

describe('a variant of comfyui', () => {
  const host = (facts: Partial<HostFacts> = {}): HostFacts => ({
    platform: { os: 'linux', cpu: 'x64', libc: 'glibc' },
    cpu: { model: 'test', cores: 4 },
    memory: { total: 2 ** 34, available: 2 ** 33 },
    devices: [{ id: 'cpu', kind: 'cpu', name: 'test' }],
    probes: {},
    ...facts,
  });
  const reasons = (id: string, facts: Partial<HostFacts> = {}) => {
    const fit = variant(id).fits(host(facts));
    return fit.fits ? '' : fit.reasons.join('; ');
  };

  it('fits a host with the right platform and device', () => {
    const gpu = (kind: string, fault?: string) => [{ id: `${kind}:0`, kind, name: 'test', fault }];
    assert.equal(reasons('cpu'), '');
    assert.match(reasons('cpu', { platform: { os: 'darwin', cpu: 'arm64' } }), /not built for darwin/);
    assert.match(reasons('cuda'), /no cuda device/);
    assert.equal(reasons('cuda', { devices: gpu('cuda') }), '');
    assert.match(reasons('cuda', { devices: gpu('cuda', 'it is too hot') }), /cuda:0 cannot be used: it is too hot/);
    assert.equal(reasons('rocm', { devices: gpu('rocm') }), '');
  });

  it('restricts ComfyUI to its device and hides the others', () => {
    const table: [id: string, kind: string, indices: number[], args: string[], env: Record<string, string>][] = [
      [
        'cpu',
        'cpu',
        [],
        ['--cpu'],
        { CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1', GGML_DISABLE_VULKAN: '1' },
      ],
      ['cuda', 'cuda', [0], [], { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '0' }],
      ['cuda', 'cuda', [1, 2], [], { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: '1,2' }],
      ['rocm', 'rocm', [1], [], { HIP_VISIBLE_DEVICES: '1' }],
    ];
    for (const [id, kind, indices, args, env] of table) {
      assert.deepEqual(variant(id).deviceFlags({ kind, indices }), { args, env }, `${id} ${indices}`);
    }
  });

  it('accepts a folder, a program, or a release with its hash', () => {
    const sources = (options: Record<string, unknown>) =>
      variant('cuda').resolveBinary({ platform: { os: 'linux', cpu: 'x64' }, version: '1.0.0', options });
    const kinds = (options: Record<string, unknown>) => sources(options).map(({ kind }) => kind);
    assert.deepEqual(kinds({}), ['path']);
    assert.deepEqual(kinds({ directory: '/opt/ComfyUI', release: '0.3.64' }), ['module']);
    assert.deepEqual(kinds({ release: '0.3.64' }), ['path']);
    const [, release] = sources({ release: '0.3.64', release_sha256: 'a'.repeat(64) });
    assert.ok(release?.kind === 'archive');
    assert.match(release.url, /\/v0\.3\.64\.tar\.gz$/);
    assert.deepEqual([release.member, release.strip], ['main.py', 1]);
  });

  it('installs PyTorch for the device and the requirements of a release, unless a Python is named', () => {
    const indexes = (id: string, options: Record<string, unknown> = {}) => {
      const release = { release: '0.3.64', release_sha256: 'a'.repeat(64) };
      const request = { platform: { os: 'linux', cpu: 'x64' }, version: '1.0.0', options: { ...release, ...options } };
      const [program, archive] = variant(id).resolveBinary(request);
      assert.equal(program?.prepare, undefined, 'an installed program has its own environment');
      return archive?.prepare?.map((step) => [step.kind, 'indexes' in step ? step.indexes?.join() : '']);
    };
    const steps = (index: string) => [
      ['venv', ''],
      ['requirement', index],
      ['requirements', index],
    ];
    assert.deepEqual(indexes('cpu'), steps('https://download.pytorch.org/whl/cpu'));
    assert.deepEqual(indexes('cuda'), steps('https://download.pytorch.org/whl/cu129'));
    assert.deepEqual(indexes('rocm'), steps('https://download.pytorch.org/whl/rocm6.4'));
    assert.deepEqual(indexes('cuda', { torch_index: 'https://a.example/x' }), steps('https://a.example/x'));
    assert.equal(indexes('cuda', { python: '/opt/env/bin/python' }), undefined);
  });
});

describe('the command line of comfyui', () => {
  const command = (options: Record<string, unknown> = {}, more: Partial<Launch> = {}) =>
    plugin.command({
      id: 'comfyui-1',
      variant: 'cuda',
      device: { kind: 'cuda', indices: [1] },
      deviceFlags: { args: [], env: { CUDA_VISIBLE_DEVICES: '1' } },
      options,
      binary: { id: 'program', kind: 'path', path: '/x/comfyui', argv: ['/x/comfyui'] },
      models: {},
      names: ['comfyui'],
      host: '127.0.0.1',
      port: 18_001,
      apiKey: 'secret',
      ...more,
    });
  const engine = (options: Record<string, unknown> = {}) => {
    const { args } = command(options);
    return args.slice(args.indexOf('--') + 1);
  };

  it('has the adapter’s address, but not the API key', () => {
    const { args, env } = command();
    for (const part of ['--alias=comfyui', '--host=127.0.0.1', '--port=18001', '--program=/x/comfyui']) {
      assert.ok(args.includes(part), part);
    }
    assert.ok(!args.join(' ').includes('secret'));
    assert.deepEqual([env?.['RBEE_API_KEY'], env?.['CUDA_VISIBLE_DEVICES']], ['secret', '1']);
    assert.ok(
      !command({ directory: '/c' }, { binary: { id: 'folder', kind: 'module', path: '/s', argv: [] } }).args.includes(
        '--program=/s',
      ),
    );
  });

  it('uses the Python of the environment of a release, unless one is named', () => {
    const binary = {
      id: 'release',
      kind: 'archive',
      path: '/x/main.py',
      argv: ['/x/main.py'],
      environment: '/e',
    } as const;
    assert.ok(command({}, { binary }).args.includes('--python=/e/venv/bin/python'));
    assert.ok(command({ python: '/p' }, { binary }).args.includes('--python=/p'));
    assert.ok(!command().args.some((arg) => arg.startsWith('--python')));
  });

  it('passes options to ComfyUI', () => {
    assert.deepEqual(engine(), ['--disable-auto-launch']);
    assert.deepEqual(
      engine({
        vram: 'lowvram',
        reserve_vram: 1.5,
        custom_nodes: false,
        output_directory: '/o',
        extra_args: ['--fast'],
      }),
      [
        ...['--disable-auto-launch', '--lowvram', '--reserve-vram=1.5', '--disable-all-custom-nodes'],
        ...['--output-directory=/o', '--fast'],
      ],
    );
  });

  it('refuses extra arguments that rbee sets or that expose ComfyUI beyond this machine', () => {
    for (const flag of ['--listen', '--port=1', '--cpu', '--enable-cors-header', '--tls-keyfile', '--lis', '-h']) {
      assert.throws(() => engine({ extra_args: [flag] }), /extra_args cannot contain/, flag);
    }
  });
});

describe('the diagnosis of comfyui', () => {
  const diagnose = (log: string[], code: number | null = 1, signal: string | null = null) =>
    plugin.diagnose({ log, exit: { code, signal }, wasReady: false, binary: { id: 'program' } });

  it('uses the message of the adapter if its exit code says that it has one', () => {
    const found = diagnose(['comfyui: error: the workflow /w.json is not JSON: bad'], 64);
    assert.deepEqual([found?.cause, found?.message], ['bad_option', 'the workflow /w.json is not JSON: bad']);
  });

  it('finds the Python exception, or else the exit code', () => {
    const ended = 'comfyui: error: the engine ended with exit code 3 before it was ready';
    assert.equal(diagnose(['comfyui: KeyError: 5', ended])?.message, 'ComfyUI ended with KeyError: 5');
    assert.equal(diagnose([ended])?.message, 'ComfyUI ended with exit code 3 before it was ready');
    assert.equal(diagnose([], null, 'SIGKILL')?.cause, 'killed');
    assert.equal(diagnose([]), undefined);
  });
});
