/**
 * Publishes all packages: `npm run release -- --registry URL [--tag TAG] [--dry-run]`. Builds first; publishes what other
 * packages depend on before them; a version that is there already is left alone, so a broken-off release can be repeated.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    registry: { type: 'string' },
    tag: { type: 'string', default: 'latest' },
    'dry-run': { type: 'boolean', default: false },
  },
});
if (values.registry === undefined || !URL.canParse(values.registry)) {
  console.error('usage: npm run release -- --registry URL [--tag TAG] [--dry-run]');
  process.exit(2);
}
const registry = values.registry;

interface Manifest {
  name: string;
  version: string;
  private?: boolean;
}

const workspace: { rbee: { plugins: string[] } } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const folders = ['core/worker-server', 'core', ...workspace.rbee.plugins];

execFileSync(process.execPath, [join(root, 'tools/build.ts')], { stdio: 'inherit' });

for (const folder of folders) {
  const manifest: Manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  if (manifest.private) continue;
  if (isPublished(manifest)) {
    console.log(`${manifest.name} ${manifest.version} is there already`);
    continue;
  }
  publish(folder);
  console.log(`${manifest.name} ${manifest.version} ${values['dry-run'] ? 'would be published' : 'published'}`);
}

function isPublished({ name, version }: Manifest): boolean {
  const { stdout } = spawnSync('npm', ['view', `${name}@${version}`, 'version', '--registry', registry], {
    encoding: 'utf8',
  });
  return stdout.trim() === version;
}

function publish(folder: string): void {
  // Every package carries the licence; in the repository there is one copy.
  const licence = join(root, folder, 'LICENSE');
  const copied = !existsSync(licence);
  if (copied) copyFileSync(join(root, 'LICENSE'), licence);
  try {
    const options = ['--registry', registry, '--tag', values.tag, '--access', 'public', '--ignore-scripts'];
    execFileSync('npm', ['publish', ...options, ...(values['dry-run'] ? ['--dry-run'] : [])], {
      cwd: join(root, folder),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  } finally {
    if (copied) rmSync(licence);
  }
}
