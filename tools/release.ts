/**
 * Publishes all packages: `npm run release -- --registry URL [--tag TAG] [--dry-run] [--no-build]`. Builds first;
 * publishes what other packages depend on before them; a version that is there already is left alone, so a broken-off
 * release can be repeated.
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

/** The packages of the workspace that are for others. */
const publicPackages = (): Package[] => {
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { workspaces: string[] };
  return globSync(workspaces, { cwd: root })
    .sort()
    .map((path) => join(root, path))
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => ({ folder, manifest: read(folder) }))
    .filter(({ manifest }) => !manifest.private);
};

/** Each after those of them that it needs. */
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

/**
 * Publishes from a copy: what goes out is what `files` names, with the licence, of which the repository has one. Nothing
 * is written into the checkout.
 */
const publish = ({ folder, manifest }: Package): void => {
  const copy = mkdtempSync(join(tmpdir(), 'rbee-release-'));
  try {
    for (const path of ['package.json', 'README.md', ...(manifest.files ?? [])]) {
      if (existsSync(join(folder, path))) cpSync(join(folder, path), join(copy, path), { recursive: true });
    }
    cpSync(join(root, 'LICENSE'), join(copy, 'LICENSE'));
    const options = ['--registry', registry, '--tag', tag, '--access', 'public', '--ignore-scripts'];
    execFileSync('npm', ['publish', ...options, ...(dryRun ? ['--dry-run'] : [])], {
      cwd: copy,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  } finally {
    rmSync(copy, { recursive: true });
  }
};

/** A package that was not built would be published as an empty one, and no version can be published twice. */
const refuseUnbuilt = ({ folder, manifest }: Package): void => {
  const missing = (manifest.files ?? []).filter((path) => path !== 'LICENSE' && !existsSync(join(folder, path)));
  if (missing.length === 0) return;
  console.error(`${manifest.name} is not whole: there is no ${missing.join(', no ')} in ${folder}`);
  process.exit(1);
};

if (build) execFileSync(process.execPath, [join(root, 'tools/build.ts')], { stdio: 'inherit' });
const packages = inOrder(publicPackages());
for (const one of packages) refuseUnbuilt(one);
const published = await Promise.all(packages.map(isPublished));
for (const [index, one] of packages.entries()) {
  const label = `${one.manifest.name} ${one.manifest.version}`;
  if (published[index]) {
    console.log(`${label} is there already`);
    continue;
  }
  publish(one);
  console.log(`${label} ${dryRun ? 'would be published' : 'published'}`);
}
