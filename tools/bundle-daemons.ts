/**
 * Bundles queen and hive with those of their dependencies that come in hundreds of small modules, each of which costs
 * memory and time for as long as a daemon lives: 17 MB less at rest, and ready in half the time.
 */
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { keepOwnPlace } from './bundle-keeper.ts';

/** What becomes part of the bundle; the rest is few files, or loads files of its own by their place. */
const inlined = new Set(['typebox', 'semver', 'systeminformation', 'smol-toml', 'fastify']);

/** `core` is the folder of the package, `dist` what tsc made of it; the entries of the daemons are replaced there. */
export const bundleDaemons = async (core: string, dist: string): Promise<void> => {
  const { dependencies } = JSON.parse(readFileSync(join(core, 'package.json'), 'utf8'));
  const external = Object.keys(dependencies).filter((name) => !inlined.has(name));
  await build({
    entryPoints: ['queen', 'hive'].map((name) => ({ in: join(core, name, 'daemon.ts'), out: `${name}/daemon` })),
    outdir: dist,
    // One level below dist like the entries, so that what asks where it is finds its place the same way.
    chunkNames: 'daemon-parts/[hash]',
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external,
    legalComments: 'eof',
    logLevel: 'warning',
    plugins: [keepOwnPlace(core), withoutFacades],
    // Two of the dependencies are CommonJS.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
};

/** An `import` of a module of Node reads every export of it, and those of `node:http` load a WebSocket: 14 MB. */
const withoutFacades: Plugin = {
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
