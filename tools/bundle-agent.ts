/**
 * Bundles the agent into one file that needs only Node. It is the first thing that is sent to a new machine, so it must be
 * small.
 */
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { withoutFacades } from './bundle-daemons.ts';

/** `core` is the package's folder, `dist` its future `dist`. Throws if the bundle would import another file. */
export const bundleAgent = async (core: string, dist: string): Promise<void> => {
  const { metafile } = await build({
    entryPoints: [{ in: join(core, 'ssh/agent/main.ts'), out: 'agent' }],
    outdir: join(dist, 'agent'),
    outExtension: { '.js': '.mjs' },
    allowOverwrite: true,
    bundle: true,
    minify: true,
    // Stack traces need the names of functions.
    keepNames: true,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [withoutFacades],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  const foreign = imports.filter(({ path }) => !isBuiltin(path)).map(({ path }) => path);
  if (foreign.length > 0) throw new Error(`the agent would need ${foreign.join(', ')}`);
};
