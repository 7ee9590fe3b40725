/**
 * Builds every package to `dist/`, dependencies first. Then regenerates what is made from code: the plugins' manifests and
 * demo models.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleAgent } from './bundle-agent.ts';
import { bundleDaemons } from './bundle-daemons.ts';
import { bundleKeeper } from './bundle-keeper.ts';
import { bundleWorkerServer } from './bundle-worker-server.ts';
import { updateManifests } from './plugin-manifests.ts';

const root = join(import.meta.dirname, '..');
const workspace: { rbee: { plugins: string[] } } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const packages = ['core', 'core/worker-server', ...workspace.rbee.plugins];

/** Builds in a separate folder and swaps it in at the end, so that running processes never see half a build. */
const buildPackage = async (folder: string): Promise<void> => {
  const home = join(root, folder);
  const staged = join(root, 'node_modules', '.cache', `build-${process.pid}`);
  mkdirSync(staged, { recursive: true });
  try {
    const tsc = join(root, 'node_modules/.bin/tsc');
    execFileSync(tsc, ['-p', join(home, 'tsconfig.build.json'), '--outDir', staged], { stdio: 'inherit' });
    if (folder === 'core') {
      rmSync(join(staged, 'keeper'), { recursive: true, force: true });
      await bundleKeeper(home, join(staged, 'keeper'));
      await bundleDaemons(home, staged);
      cpSync(join(home, 'config/examples'), join(staged, 'config/examples'), { recursive: true });
      await bundleAgent(home, staged);
      cpSync(join(root, 'templates'), join(staged, 'templates'), { recursive: true });
      const types = join(root, 'core/contract-types/dist');
      mkdirSync(types, { recursive: true });
      cpSync(join(staged, 'contract/worker-type/worker-type.d.ts'), join(types, 'index.d.ts'));
    }
    if (folder === 'core/worker-server') await bundleWorkerServer(home, staged);
    const dist = join(home, 'dist');
    const old = `${staged}-old`;
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(staged, dist);
    rmSync(old, { recursive: true, force: true });
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
};

for (const folder of packages) await buildPackage(folder);

await updateManifests(workspace.rbee.plugins.map((folder) => join(root, folder)));

/** Demo models are generated, not committed. */
for (const folder of workspace.rbee.plugins) {
  const script = join(root, folder, 'demo/build-demo-model.ts');
  if (existsSync(script)) execFileSync(process.execPath, [script], { stdio: 'inherit' });
}
