/**
 * Bundles the agent, which runs on machines where nothing of rbee is yet, into one file that needs nothing but Node. It is
 * sent to each machine before anything else, so it is as small as it can be.
 */
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { withoutFacades } from './bundle-daemons.ts';

/** `core` is the folder of the package, `dist` what becomes its `dist`. Throws when the file would need another one. */
export const bundleAgent = async (core: string, dist: string): Promise<void> => {
  const { metafile } = await build({
    entryPoints: [{ in: join(core, 'ssh/agent/main.ts'), out: 'agent' }],
    outdir: join(dist, 'agent'),
    outExtension: { '.js': '.mjs' },
    allowOverwrite: true,
    bundle: true,
    minify: true,
    // Names of functions are in the stacks of errors.
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
