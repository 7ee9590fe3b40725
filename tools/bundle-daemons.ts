/**
 * Bundles queen and hive with their dependencies. Dependencies of hundreds of small modules cost memory and start-up time:
 * bundled, a daemon uses 17 MB less and is ready in half the time. Everything that a hive needs is inside, so that a machine
 * gets sixty files instead of a thousand, which take longer to unpack than to upload.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, relative } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { keepOwnPlace } from './bundle-keeper.ts';

/** What goes into the bundle: everything that a hive needs, and other packages of many files. */
const inlined = new Set([
  'typebox',
  'semver',
  'systeminformation',
  'smol-toml',
  'fastify',
  'execa',
  'pino',
  'rate-limiter-flexible',
  'undici',
  'tar',
  'yauzl',
  'xz-decompress',
  '@huggingface/gguf',
  '@huggingface/hub',
]);

/** `core` is the package's folder, `dist` the output of tsc, in which the daemons' entries are replaced. */
export const bundleDaemons = async (core: string, dist: string): Promise<void> => {
  const { dependencies } = JSON.parse(readFileSync(join(core, 'package.json'), 'utf8'));
  const external = Object.keys(dependencies).filter((name) => !inlined.has(name));
  const { metafile } = await build({
    metafile: true,
    entryPoints: ['queen', 'hive'].map((name) => ({ in: join(core, name, 'daemon.ts'), out: `${name}/daemon` })),
    outdir: dist,
    // One level below dist, like the entries, so that relative paths resolve in the same way.
    chunkNames: 'daemon-parts/[hash]',
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external,
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'eof',
    logLevel: 'warning',
    plugins: [keepOwnPlace(core), withoutFacades],
    // Two of the dependencies are CommonJS.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  writeFileSync(join(dist, 'hive/parts.json'), JSON.stringify(await hiveParts(core, dist, metafile, external)));
};

/** Only a hive that installs its own plugins loads this. */
const leftBehind = /\/plugins\/install\/installer\.ts$/;

/** Scripts that a hive starts as separate processes or threads. */
const scripts = ['worker-types/evaluator-child', 'hive/models/gguf/gguf-thread'];

/** The files of `dist`, and the packages that they load, that make up a hive on another machine. */
const hiveParts = async (core: string, dist: string, { outputs }: Metafile, external: readonly string[]) => {
  const files = new Set<string>();
  const packages = new Set<string>();
  const add = (path: string): void => {
    const output = outputs[path];
    const name = relative(dist, path);
    if (!output || files.has(name)) return;
    files.add(name);
    for (const one of output.imports) {
      if (!one.external) {
        if (!leftBehind.test(outputs[one.path]?.entryPoint ?? '')) add(one.path);
      } else if (external.includes(packageOf(one.path))) packages.add(packageOf(one.path));
    }
  };
  const daemon = Object.keys(outputs).find((path) => path.endsWith('hive/daemon.js'));
  if (daemon === undefined) throw new Error('the hive was not bundled');
  add(daemon);
  for (const script of scripts) {
    const { metafile } = await build({
      entryPoints: [join(core, `${script}.ts`)],
      bundle: true,
      metafile: true,
      write: false,
      platform: 'node',
      format: 'esm',
      logLevel: 'warning',
    });
    for (const path of Object.keys(metafile.inputs)) files.add(relative(core, path).replace(/\.ts$/, '.js'));
  }
  return { files: [...files].sort(), packages: [...packages].sort() };
};

const packageOf = (path: string): string =>
  path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/');

/** Importing a built-in module reads all of its exports. Those of `node:http` load a WebSocket: 14 MB. */
export const withoutFacades: Plugin = {
  name: 'without-facades',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /./ }, ({ path, kind }) =>
      isBuiltin(path) && kind !== 'dynamic-import' ? { path, namespace: 'builtin' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};
