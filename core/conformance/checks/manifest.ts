/** What package.json declares about the type, before any of its code runs. */
import { existsSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { workerTypeApiVersion } from '../../contract/worker-type/api-version.ts';
import { readManifest } from '../../worker-types/manifest.ts';
import { assert, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import type { PluginUnderTest } from '../plugin-under-test.ts';

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];

const sameList = (what: string, manifest: unknown, code: readonly string[]): void => {
  const declared = strings(manifest).sort();
  assert(
    declared.join(' ') === [...code].sort().join(' '),
    `the manifest has ${what} ${declared.join(', ') || 'none'}, the code has ${code.join(', ')}: run rbee plugins check --write`,
  );
};

/** Is the path among what `files` publishes? */
const isPublished = ({ packageJson }: PluginUnderTest, path: string): boolean => {
  const wanted = normalize(path);
  return strings(packageJson?.files)
    .map((entry) => normalize(entry).replace(/\/(\*\*?(\/\*)?)?$/, ''))
    .some((entry) => entry === '.' || wanted.startsWith(`${entry}/`) || fitsName(entry, wanted));
};

/** `*` stands for any part of a name, as in `*.js`. */
const fitsName = (pattern: string, path: string): boolean =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')}$`).test(path);

export const manifestChecks = [
  {
    id: 'manifest.readable',
    title: 'a hive can read its package.json',
    needs: ['root'],
    check: async ({ root = '' }) => {
      await readManifest(root);
    },
  },
  {
    id: 'manifest.entry',
    title: 'the entry of the type is a file in the package',
    needs: ['root'],
    check: ({ root = '', manifestEntry: { entry } }) => {
      assert(typeof entry === 'string', 'the manifest names no entry');
      assert(existsSync(join(root, entry)), `there is no ${entry}: build the package first`);
    },
  },
  {
    id: 'manifest.api',
    title: `rbee.api is ${workerTypeApiVersion}`,
    needs: ['package'],
    check: ({ packageJson }) =>
      assert(packageJson?.rbee?.api === workerTypeApiVersion, `rbee.api is ${shown(packageJson?.rbee?.api)}`),
  },
  {
    id: 'manifest.serves',
    title: 'the manifest names every path that the code can serve',
    needs: ['package'],
    check: ({ type, manifestEntry }) => {
      const declared = strings(manifestEntry['serves']);
      const missing = type.serves.map(({ path }) => path).filter((path) => !declared.includes(path));
      assert(missing.length === 0, `the manifest omits ${missing.join(', ')}: run rbee plugins check --write`);
    },
  },
  {
    id: 'manifest.variants',
    title: 'the variants of the manifest are those of the code',
    needs: ['package'],
    check: ({ type, manifestEntry }) =>
      sameList(
        'variants',
        manifestEntry['variants'],
        type.variants.map(({ id }) => id),
      ),
  },
  {
    id: 'manifest.devices',
    title: 'the kinds of device of the manifest are those of the code',
    needs: ['package'],
    check: ({ type, manifestEntry }) =>
      sameList(
        'devices',
        manifestEntry['devices'] ?? [],
        (type.devices ?? []).map(({ kind }) => kind),
      ),
  },
  {
    id: 'manifest.aliases',
    title: 'no alias repeats another one or the name',
    needs: ['package'],
    check: ({ type, manifestEntry }) => {
      const names = [type.name, ...strings(manifestEntry['aliases'])];
      assert(new Set(names).size === names.length, `a name is given twice: ${names.join(', ')}`);
    },
  },
  {
    id: 'manifest.keyword',
    title: 'it can be found by the keyword rbee-worker',
    needs: ['package'],
    check: ({ packageJson }) =>
      assert(strings(packageJson?.keywords).includes('rbee-worker'), 'add the keyword "rbee-worker" to package.json'),
  },
  {
    id: 'manifest.license',
    title: 'it declares its licence',
    needs: ['package'],
    check: ({ packageJson }) => assert(typeof packageJson?.license === 'string', 'package.json has no license'),
  },
  {
    id: 'manifest.published',
    title: 'the published package contains the entry and the demo model',
    needs: ['package'],
    check: (plugin) => {
      const { packageJson, manifestEntry, type } = plugin;
      if (packageJson?.files === undefined) return;
      for (const path of [manifestEntry['entry'], type.models?.demo, type.adapter?.script]) {
        if (typeof path !== 'string') continue;
        assert(isPublished(plugin, path), `"files" of package.json omits ${path}`);
      }
    },
  },
  {
    id: 'manifest.no-scripts',
    title: 'it has no install scripts',
    needs: ['package'],
    check: ({ packageJson }) => {
      for (const script of ['preinstall', 'install', 'postinstall'])
        assert(packageJson?.scripts?.[script] === undefined, `rbee does not run ${script}: remove it`);
    },
  },
  {
    id: 'manifest.types-only',
    title: 'it does not depend on rbee at run time: it only uses its types',
    needs: ['package'],
    check: ({ packageJson }) => {
      for (const name of ['@rbee/contract', '@rbee/core'])
        assert(packageJson?.dependencies?.[name] === undefined, `move ${name} from dependencies to devDependencies`);
    },
  },
  {
    id: 'manifest.files-there',
    title: 'the demo model, the adapter and the scripts that it names exist',
    needs: ['root'],
    check: ({ root = '', type }) => {
      for (const path of [type.models?.demo, type.adapter?.script])
        assert(path === undefined || existsSync(join(root, path)), `there is no ${path}: build the package first`);
    },
  },
] as const satisfies readonly Check[];
