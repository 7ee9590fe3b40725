import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const core = join(root, 'core');

/** Folders of core from left to right; a file may import from its own folder and from those to the left. */
const order = [
  'worker-server',
  'contract',
  'boundary',
  'narration',
  'config',
  'lifecycle',
  'secrets',
  'http',
  'gateway',
  'archives',
  'ssh',
  'download',
  'programs',
  'worker-types',
  'plugins',
  'delivery',
  'sync',
  'hive',
  'conformance',
  'queen',
  'keeper',
];

/** Entry files through which the folders to the right import a folder, for folders that have them. */
const doors: Record<string, (importer: string, target: string) => boolean> = {
  gateway: (importer, target) =>
    importer === 'queen' &&
    (target.startsWith('gateway/access/') ||
      [
        'gateway/fleet.ts',
        'gateway/gateway.ts',
        'gateway/api/application-api.ts',
        'gateway/api/server.ts',
        'gateway/bodies/body-stores.ts',
        'gateway/routing/choice.ts',
      ].includes(target)),
  queen: (importer, target) => importer !== 'keeper' || target.startsWith('queen/client/'),
  // The conformance tests start workers with the hive's own code, so what passes there passes here.
  hive: (importer, target) =>
    importer === 'conformance'
      ? target.startsWith('hive/workers/')
      : importer === 'queen' && ['hive/client.ts', 'hive/main.ts', 'hive/models/for-machines.ts'].includes(target),
};

interface Import {
  from: string;
  to: string;
}

const sourceFiles = (folder: string): string[] =>
  globSync('**/*.ts', { cwd: folder, exclude: (name) => ['node_modules', 'dist'].includes(name) }).map((file) =>
    join(folder, file),
  );

const importsOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');

const relativeImports = (folder: string): Import[] =>
  sourceFiles(folder).flatMap((file) =>
    importsOf(file)
      .filter((name) => name.startsWith('.'))
      .map((name) => ({ from: relative(core, file), to: relative(core, resolve(dirname(file), name)) })),
  );

const inCore = relativeImports(core).filter(({ from }) => order.includes(from.split('/')[0] ?? ''));

test('imports of core point one way', () => {
  const wrong = inCore.filter(({ from, to }) => {
    const [importer, target] = [from.split('/')[0] ?? '', to.split('/')[0] ?? ''];
    return !order.includes(target) || order.indexOf(target) > order.indexOf(importer);
  });
  assert.deepEqual(wrong, []);
});

test('gateway, queen and hive are imported only through their entry files', () => {
  const wrong = inCore.filter(({ from, to }) => {
    const [importer, target] = [from.split('/')[0] ?? '', to.split('/')[0] ?? ''];
    if (importer === target || /(\.test|\/testing)\.ts$/.test(from)) return false;
    return doors[target] ? !doors[target](importer, to) : false;
  });
  assert.deepEqual(wrong, []);
});

/** Folders within these parts, from left to right: each imports only from those to the left. */
const floors: Record<string, readonly string[]> = {
  lifecycle: ['async', 'fs', 'logs', 'system', 'limits', 'terminate', 'process', 'daemon'],
  hive: ['devices', 'models', 'programs', 'workers', 'plugins', 'routes'],
  plugins: ['fetch', 'tree', 'install', 'testing'],
  queen: [
    'fleet',
    'secrets',
    'client',
    'jobs',
    'provision',
    'workers',
    'link',
    'supervise',
    'sync',
    'handlers',
    'server',
  ],
};

test('folders within a part point one way as well', () => {
  for (const [part, folders] of Object.entries(floors)) {
    const within = inCore.filter(({ from, to }) => from.startsWith(`${part}/`) && to.startsWith(`${part}/`));
    const roomOf = (file: string): string => file.split('/')[1] ?? '';
    const wrong = within.filter(({ from, to }) => {
      const [importer, target] = [folders.indexOf(roomOf(from)), folders.indexOf(roomOf(to))];
      return importer >= 0 && target > importer && !from.endsWith('.test.ts');
    });
    assert.deepEqual(wrong, [], part);
    const unknown = within.map(({ from }) => roomOf(from)).filter((room) => !room.endsWith('.ts'));
    assert.deepEqual(
      [...new Set(unknown)].filter((room) => !folders.includes(room)),
      [],
      `${part}: give each folder a place in the list`,
    );
  }
});

// A file beside the folders could close a cycle between two of them.
test('no folder is imported again through a file beside it', () => {
  for (const part of Object.keys(floors)) {
    const roomOf = (file: string): string => file.split('/')[1] ?? '';
    const edges = inCore
      .filter(({ from, to }) => from.startsWith(`${part}/`) && to.startsWith(`${part}/`) && !from.endsWith('.test.ts'))
      .map(({ from, to }) => ({ from: roomOf(from), to: roomOf(to) }))
      .filter(({ from, to }) => from !== to);
    assert.equal(cycleIn(edges), undefined, part);
  }
});

test('there are no cycles between the files of core', () => {
  assert.equal(cycleIn(inCore), undefined);
});

/** The first import cycle, as text. */
const cycleIn = (edges: readonly Import[]): string | undefined => {
  const graph = new Map<string, string[]>();
  for (const { from, to } of edges) graph.set(from, [...(graph.get(from) ?? []), to]);
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): string | undefined => {
    if (done.has(node)) return undefined;
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node].join(' -> ');
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
};

test('core imports no plugin, and plugins import only the types of the contract', () => {
  const named = [...sourceFiles(core)]
    .filter((file) => !file.includes('.test.'))
    .flatMap((file) =>
      importsOf(file)
        .filter(
          (name) => /^@rbee\/worker-/.test(name) || resolve(dirname(file), name).startsWith(join(root, 'plugins')),
        )
        .map((name) => `${relative(root, file)}: ${name}`),
    );
  assert.deepEqual(named, []);
  const wrong = sourceFiles(join(root, 'plugins')).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^import (type )?.*?from '(@rbee\/(?:core|contract)[^']*)'/gms)]
      .filter((match) => match[1] === undefined || match[2] !== '@rbee/contract')
      .map((match) => `${relative(root, file)}: ${match[2]}`),
  );
  // Tests use the conformance code, which no package exports.
  const relativeIntoCore = relativeImports(join(root, 'plugins'))
    .filter(({ to }) => !to.startsWith('..') && !to.startsWith('worker-server/'))
    .map(({ from, to }) => `${from}: ${to}`);
  assert.deepEqual(
    [...wrong, ...relativeIntoCore].filter((line) => !/\/test\/|\.test\.ts/.test(line)),
    [],
  );
});

/** Outside tools that one file owns, so that they can be replaced or fixed in one place. */
const owners: Record<string, string> = {
  execa: 'lifecycle/system/run-program.ts',
  systeminformation: 'hive/devices/measure.ts',
  'smol-toml': 'config/toml.ts',
  '@huggingface/gguf': 'hive/models/gguf/gguf-metadata.ts',
  '@huggingface/hub': 'hive/models/hub.ts',
  'npm-registry-fetch': 'plugins/fetch/registry-request.ts',
};

test('one file owns each outside tool', () => {
  for (const [tool, owner] of Object.entries(owners)) {
    const users = sourceFiles(core).filter((file) => importsOf(file).includes(tool));
    assert.deepEqual(
      users.map((file) => relative(core, file)),
      [owner],
      tool,
    );
  }
});
