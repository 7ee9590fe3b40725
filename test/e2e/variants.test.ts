/** Builds of one type for different devices: side by side on a hive, each with its own packages, chosen by device. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { packPlugin, startTinyRegistry, type TinyRegistry } from '../../core/plugins/testing/registry.ts';
import { createHome, type TestHome } from '../harness/home.ts';
import { writeNvidiaSmi } from '../harness/nvidia-smi.ts';

let registry: TinyRegistry;
let home: TestHome;
before(async () => {
  registry = await startTinyRegistry();
  const dependencies = { dependencies: { 'forge-engine': '1.0.0', 'forge-cuda': '1.0.0' } };
  for (const name of ['forge-engine', 'forge-cuda']) {
    const packed = packPlugin({
      manifest: JSON.stringify({ name, version: '1.0.0' }),
      entries: ['linux', 'win32'].map((os) => ({ path: `package/bin/${os}/program`, text: os })),
    });
    registry.offer({ name, version: '1.0.0', packed });
  }
  const name = '@rbee/worker-forge';
  const packages = `id === 'cpu' ? { leaveOut: ['forge-cuda'], leaveOutFiles: { 'forge-engine': ['bin/win32'] } } : {}`;
  const packed = packPlugin({ name, type: 'forge', variants: ['cpu', 'cuda'], packages, more: dependencies });
  registry.offer({ name, version: '1.0.0', packed, document: dependencies });
  home = createHome({ plugins: [], queen: `[registry]\nurl = "${registry.url}"` });
  const bin = join(home.folder, 'bin');
  mkdirSync(bin);
  writeNvidiaSmi(bin);
  home.env['PATH'] = `${bin}:${home.env['PATH']}`;
});
after(async () => {
  await home?.close();
  await registry?.close();
});

const spawn = (...args: string[]) => home.json(['worker', 'spawn', '--type', 'forge', ...args]);
/** The installed tree that a process runs from. */
const treeOf = (pid: number): string => {
  const script = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] ?? '';
  return script.slice(0, script.indexOf('/node_modules/'));
};
const packagesOf = (tree: string): string[] => readdirSync(join(tree, 'node_modules')).sort();

test('each device gets its build, which is installed on first use', async () => {
  await home.json(['plugins', 'install', 'forge', '--variant', 'cpu']);
  const onCpu = await spawn('--device', 'cpu');
  const onGpu = await spawn('--device', 'cuda:1');
  assert.deepEqual([onCpu.variant, onGpu.variant], ['cpu', 'cuda']);
  const [cpuTree, cudaTree] = [treeOf(onCpu.pid), treeOf(onGpu.pid)];
  assert.match(cpuTree, /\/worker-forge\/1\.0\.0-\w{8}\/cpu-/);
  assert.match(cudaTree, /\/worker-forge\/1\.0\.0-\w{8}\/cuda-/);
  assert.ok(packagesOf(cudaTree).includes('forge-cuda'));
  assert.deepEqual(readdirSync(join(cpuTree, 'node_modules/forge-engine/bin')), ['linux']);
  assert.deepEqual(readdirSync(join(cudaTree, 'node_modules/forge-engine/bin')), ['linux', 'win32']);
});

test('without a device the best one is used, and with a variant the device that it drives', async () => {
  assert.deepEqual([(await spawn()).device, (await spawn('--variant', 'cpu')).device], ['cuda:0', 'cpu']);
  const run = await home.rbee(['worker', 'spawn', '--type', 'forge', '--variant', 'cpu', '--device', 'cuda:0']);
  assert.equal(run.code, 1);
  assert.match(run.stderr, /error: .*cuda:0/);
});

test('what a variant leaves out is absent from its tree', () => {
  const [version = ''] = readdirSync(join(home.paths.data, 'workers/@rbee/worker-forge'));
  const trees = readdirSync(join(home.paths.data, 'workers/@rbee/worker-forge', version)).sort();
  assert.deepEqual(
    trees.map((tree) => tree.split('-')[0]),
    ['cpu', 'cuda'],
  );
  const lib = join(home.paths.data, 'workers/@rbee/worker-forge', version, trees[0] ?? '', 'node_modules/forge-cuda');
  assert.throws(() => readdirSync(join(lib, 'bin')), { code: 'ENOENT' });
});
