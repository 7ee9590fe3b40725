/**
 * Bundles @rbee/worker-server with its dependencies, so that a plugin that uses it installs one package instead of fifty. Its
 * types need none of them.
 */
import { globSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { withoutFacades } from './bundle-daemons.ts';

/** `home` is the package's folder, `dist` the output of tsc, whose modules become one. */
export const bundleWorkerServer = async (home: string, dist: string): Promise<void> => {
  for (const file of globSync('*.js', { cwd: dist })) rmSync(join(dist, file));
  const { metafile } = await build({
    metafile: true,
    absWorkingDir: home,
    entryPoints: [join(home, 'index.ts')],
    outfile: join(dist, 'index.js'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [withoutFacades],
    // The dependencies are CommonJS.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  writeFileSync(join(dist, 'third-party-licenses.txt'), licences(home, metafile));
};

/** The licences of the bundled packages, which must be shipped with their code. */
const licences = (home: string, { inputs }: Metafile): string => {
  const folders = Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  const texts = [...new Set(folders)].sort().map((path) => {
    const folder = join(home, path);
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
    const text = files.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n');
    return `${name} ${version}, ${license}\n\n${text}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
};
