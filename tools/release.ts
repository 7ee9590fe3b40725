/**
 * Publishes all packages: `npm run release -- --registry URL [--tag TAG] [--dry-run] [--no-build]`. Builds first, publishes
 * dependencies before their dependents, and skips versions that the registry already has, so an interrupted release can
 * be run again.
 *
 * In GitHub Actions with `id-token: write` the packages are published with provenance. Elsewhere it warns that they are
 * unsigned.
 */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const usage = 'usage: npm run release -- --registry URL [--tag TAG] [--dry-run] [--no-build]';

interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  files?: string[];
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

interface Package {
  /** Absolute. */
  folder: string;
  manifest: Manifest;
}

const readArguments = () => {
  try {
    const { values } = parseArgs({
      allowNegative: true,
      options: {
        registry: { type: 'string', default: '' },
        tag: { type: 'string', default: 'latest' },
        'dry-run': { type: 'boolean', default: false },
        build: { type: 'boolean', default: true },
      },
    });
    if (URL.canParse(values.registry)) return values;
  } catch (error) {
    console.error((error as Error).message);
  }
  console.error(usage);
  process.exit(2);
};

const read = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** All packages of the workspace that are not private. */
const publicPackages = (): Package[] => {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { workspaces: string[] };
  return globSync(workspaces, { cwd: root })
    .sort()
    .map((path) => join(root, path))
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => ({ folder, manifest: read(folder) }))
    .filter(({ manifest }) => !manifest.private);
};

/** Sorted so that each package comes after those it depends on. */
const inOrder = (packages: readonly Package[]): Package[] => {
  const ordered = new Set<Package>();
  const add = (one: Package, above: readonly Package[]): void => {
    if (ordered.has(one) || above.includes(one)) return;
    const { dependencies, peerDependencies } = one.manifest;
    for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
      const needed = packages.find(({ manifest }) => manifest.name === name);
      if (needed) add(needed, [...above, one]);
    }
    ordered.add(one);
  };
  for (const one of packages) add(one, []);
  return [...ordered];
};

const { registry, tag, build, 'dry-run': dryRun } = readArguments();

const isPublished = ({ manifest: { name, version } }: Package): Promise<boolean> =>
  new Promise((answer) => {
    execFile('npm', ['view', `${name}@${version}`, 'version', '--registry', registry], (_error, stdout) =>
      answer(stdout.trim() === version),
    );
  });

/** With an OIDC token from GitHub, npm attests which workflow built a package. */
const hasProvenance = process.env['GITHUB_ACTIONS'] === 'true' && !!process.env['ACTIONS_ID_TOKEN_REQUEST_URL'];

/**
 * Publishes a temporary copy of what `files` lists, with the repository's licence, so that nothing is written into the
 * checkout.
 */
const publish = ({ folder, manifest }: Package): void => {
  const copy = mkdtempSync(join(tmpdir(), 'rbee-release-'));
  try {
    for (const path of ['package.json', 'README.md', ...(manifest.files ?? [])]) {
      if (existsSync(join(folder, path))) cpSync(join(folder, path), join(copy, path), { recursive: true });
    }
    cpSync(join(root, 'LICENSE'), join(copy, 'LICENSE'));
    const options = ['--registry', registry, '--tag', tag, '--access', 'public', '--ignore-scripts'];
    const more = [...(hasProvenance ? ['--provenance'] : []), ...(dryRun ? ['--dry-run'] : [])];
    execFileSync('npm', ['publish', ...options, ...more], {
      cwd: copy,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  } finally {
    rmSync(copy, { recursive: true });
  }
};

/** An unbuilt package would be published empty, and npm does not allow publishing the version again. */
const refuseUnbuilt = ({ folder, manifest }: Package): void => {
  const missing = (manifest.files ?? []).filter((path) => path !== 'LICENSE' && !existsSync(join(folder, path)));
  if (missing.length === 0) return;
  console.error(`${manifest.name} is not built: ${folder} lacks ${missing.join(', ')}`);
  process.exit(1);
};

if (build) execFileSync(process.execPath, [join(root, 'tools/build.ts')], { stdio: 'inherit' });
const packages = inOrder(publicPackages());
if (!hasProvenance) console.error('publishing unsigned: provenance needs GitHub Actions with id-token: write');
for (const one of packages) refuseUnbuilt(one);
const published = await Promise.all(packages.map(isPublished));
for (const [index, one] of packages.entries()) {
  const label = `${one.manifest.name} ${one.manifest.version}`;
  if (published[index]) {
    console.log(`${label} is already published`);
    continue;
  }
  publish(one);
  console.log(`${label} ${dryRun ? 'would be published' : 'published'}`);
}
