/** Bundles the command line and oclif into `core/dist/keeper`: a third of the modules, half the start-up time. */
import { readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { loadConfig } from '../core/keeper/main.ts';

interface Manifest {
  version: string;
  commands: Record<string, { isESM?: boolean; relativePath?: string[] }>;
}

/** `core` is the package's folder, `outdir` becomes `dist/keeper`. */
export const bundleKeeper = async (core: string, outdir: string): Promise<void> => {
  const keeper = join(core, 'keeper');
  const manifest = await commandManifest();
  const commands = Object.keys(manifest.commands);
  const common: BuildOptions = {
    outdir,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    legalComments: 'none',
    logLevel: 'warning',
    external: ['typescript', 'ts-node'],
    plugins: [keepOwnPlace(core), takeBuiltinsLazily, loadLate, sortPlainly],
    // oclif is CommonJS.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  };
  // A single file: loading another one would take longer than its work.
  const alone = [{ in: join(keeper, 'fast.ts'), out: 'fast' }];
  await build({ ...common, banner: {}, entryPoints: alone });
  // All in one folder, so that relative paths in shared chunks resolve.
  const shared = commands.map((id) => ({ in: join(keeper, 'commands', ...id.split(':')) + '.ts', out: fileOf(id) }));
  await build({
    ...common,
    splitting: true,
    chunkNames: 'part-[hash]',
    entryPoints: [{ in: join(keeper, 'main.ts'), out: 'main' }, ...shared],
  });
  for (const [id, command] of Object.entries(manifest.commands)) {
    Object.assign(command, { isESM: true, relativePath: [`${fileOf(id)}.js`] });
  }
  writeFileSync(join(outdir, 'oclif.manifest.json'), JSON.stringify(manifest));
};

const fileOf = (id: string): string => `command-${id.replaceAll(':', '-')}`;

/** Without this manifest, oclif loads every command on every run. */
const commandManifest = async (): Promise<Manifest> => {
  const config = await loadConfig({ ignoreManifest: true });
  const [plugin] = config.getPluginsList();
  if (!plugin || !('manifest' in plugin)) throw new Error('oclif found no commands');
  return JSON.parse(JSON.stringify(plugin.manifest)) as Manifest;
};

/**
 * Importing a built-in module reads all of its exports, and reading some of them loads half of Node: 20 ms instead of 3 for
 * `node:http`. This plugin reads only the exports that are used.
 */
const takeBuiltinsLazily: Plugin = {
  name: 'take-builtins-lazily',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /./ }, ({ path, kind }) => {
      // A dynamic import is late on purpose.
      if (!isBuiltin(path)) return undefined;
      if (kind === 'dynamic-import') return { path, external: true };
      if (kind === 'require-call')
        return { path, namespace: path.endsWith('child_process') ? 'builtin-late' : 'builtin' };
      return { path, namespace: 'builtin-exports', sideEffects: false };
    });
    const load = (path: string) => `process.getBuiltinModule(${JSON.stringify(path)})`;
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({ contents: `module.exports = ${load(path)};` }));
    onLoad({ filter: /./, namespace: 'builtin-late' }, ({ path }) => ({ contents: late(load(path)) }));
    onLoad({ filter: /./, namespace: 'builtin-exports' }, ({ path }) => ({
      contents: builtinExports(path, load(path)),
    }));
  },
};

/** These take milliseconds to load in any case, and most runs do not need them. */
const slowBuiltins: ReadonlySet<string> = new Set(['node:crypto', 'node:fs/promises']);

/** Exports each member separately and marks it as pure, so that esbuild drops the unused ones. */
const builtinExports = (path: string, load: string): string => {
  const exported = Object.entries(process.getBuiltinModule(path) as object).filter(([name]) =>
    /^[a-z]\w*$/i.test(name),
  );
  const lines = exported
    .filter(([name]) => name !== 'default')
    .map(([name, value]) =>
      slowBuiltins.has(path) && typeof value === 'function' && /^[a-z]/.test(name)
        ? `export const ${name} = (...args) => ${load}.${name}(...args);`
        : `export const ${name} = /* @__PURE__ */ pick('${name}');`,
    );
  return [`const pick = (name) => ${load}[name];`, `export default /* @__PURE__ */ (() => ${load})();`, ...lines].join(
    '\n',
  );
};

/** Dependencies that oclif loads on every run, and few runs need. All are CommonJS. */
const rarelyNeeded =
  /^(ejs|minimatch|tinyglobby|wrap-ansi|clean-stack|wordwrap|cli-spinners|lilconfig|widest-line|indent-string|ansi-escapes)$/;

const loadLate: Plugin = {
  name: 'load-late',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: rarelyNeeded }, ({ path, resolveDir, pluginData }) =>
      pluginData === 'real' ? undefined : { path, namespace: 'late', pluginData: resolveDir },
    );
    onLoad({ filter: /./, namespace: 'late' }, ({ path, pluginData }) => ({
      contents: late(`require(${JSON.stringify(path)})`),
      resolveDir: pluginData,
      pluginData: 'real',
    }));
    // rbee does not care whether it runs in WSL, and the check reads a dozen files.
    onResolve({ filter: /^wsl-utils$/ }, ({ path }) => ({ path, namespace: 'no-wsl' }));
    onLoad({ filter: /./, namespace: 'no-wsl' }, () => ({ contents: 'export const isWsl = false;' }));
  },
};

/** Command ids are ASCII, so they sort the same without collation tables, which take 5 ms to load. */
const sortPlainly: Plugin = {
  name: 'sort-plainly',
  setup: ({ onLoad }) => {
    onLoad({ filter: /@oclif\/core\/lib\/config\/plugin\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(
        'a.id.localeCompare(b.id)',
        'a.id < b.id ? -1 : a.id > b.id ? 1 : 0',
      ),
    }));
  },
};

/** A proxy module that loads the real one on first use. */
const late = (load: string): string => `
  let real;
  const get = () => (real ??= ${load});
  module.exports = new Proxy(function () {}, {
    get: (_, key) => (key === '__esModule' ? undefined : get()[key]),
    apply: (_, self, args) => get().apply(self, args),
    construct: (_, args) => new (get())(...args),
  });
`;

/**
 * In a bundle, `import.meta` describes the bundle. This gives each of our modules the path that it would have in `dist/`
 * beside the bundle.
 */
export const keepOwnPlace = (core: string): Plugin => ({
  name: 'keep-own-place',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const own = relative(core, path);
      if (!/import\.meta\.(dirname|filename)/.test(text) || own.startsWith(`keeper${sep}`)) return undefined;
      const folder = `ownPath(import.meta.dirname, '..', ${JSON.stringify(dirname(own))})`;
      const file = `ownPath(${folder}, ${JSON.stringify(`${basename(own, extname(own))}.js`)})`;
      // In one pass, because the replacements contain the pattern.
      const placed = text.replace(/import\.meta\.(dirname|filename)/g, (_, what) =>
        what === 'dirname' ? folder : file,
      );
      return { contents: `${placed}\nimport { join as ownPath } from 'node:path';\n`, loader: 'ts' };
    });
  },
});
