import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { RbeeError } from '../contract/errors.ts';
import { Evaluator } from '../worker-types/evaluator.ts';
import { readManifest } from '../worker-types/manifest.ts';
import type { WorkerTypeHandle } from '../worker-types/worker-type-handle.ts';
import { indexFile } from './plugin-index.ts';
import { WorkerTypes } from './worker-types.ts';

// A hanging plugin keeps a core busy for this long.
Evaluator.callTimeoutMs = 1_500;

let home: string;
const opened: WorkerTypes[] = [];
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'rbee-registry-'));
});
afterEach(() => {
  for (const types of opened.splice(0)) types.close();
});
after(() => rm(home, { recursive: true, force: true }));

const code = `export default {
  name: 'echo', apiVersion: 1, serves: [{ path: '/v1/echo', kind: 'other' }],
  variants: [{ id: 'cpu', platforms: ['linux-x64'], fits: () => ({ fits: true }),
    deviceFlags: () => ({ args: [], env: {} }), resolveBinary: () => [{ kind: 'module', id: 'builtin', script: 'server.js' }] }],
  command: (launch) => ({ args: ['--port', String(launch.port)] }),
  health: { ready: { mode: 'poll', path: '/health' } },
};`;

interface PluginOptions {
  api?: unknown;
  type?: string;
  entry?: string;
  serves?: string[];
  variants?: string[];
  version?: string;
  code?: string;
}

/** Writes a plugin into a new folder and returns the folder. */
const plugin = async (folder: string, options: PluginOptions = {}): Promise<string> => {
  const root = join(home, folder);
  await mkdir(root, { recursive: true });
  const manifest = {
    name: `@test/${folder}`,
    version: options.version ?? '1.0.0',
    type: 'module',
    rbee: {
      api: options.api ?? 1,
      workerTypes: {
        [options.type ?? 'echo']: {
          entry: options.entry ?? './index.js',
          serves: options.serves ?? ['/v1/echo'],
          variants: options.variants ?? ['cpu'],
        },
      },
    },
  };
  await writeFile(join(root, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(root, 'index.js'), options.code ?? code);
  return root;
};

const writeIndex = async (data: string, roots: readonly string[]): Promise<void> => {
  await mkdir(data, { recursive: true });
  const plugins = roots.map((root) => ({ name: root, type: 'link', root }));
  await writeFile(indexFile(data), JSON.stringify({ oclif: { plugins } }));
};

/** The types of a new data folder that links these plugins. */
const typesOf = async (...roots: string[]): Promise<WorkerTypes & { changes: () => number }> => {
  const data = await mkdtemp(join(home, 'data-'));
  await writeIndex(data, roots);
  let changes = 0;
  const types = new WorkerTypes(data, () => {
    changes += 1;
  });
  opened.push(types);
  await types.start();
  return Object.assign(types, { changes: () => changes });
};

const launch = { port: 4242 } as never;

test('a linked plugin is listed without running its code, and evaluated when asked', async () => {
  const root = await plugin('lazy', {
    code: `import { writeFileSync } from 'node:fs'; writeFileSync('${home}/ran', ''); ${code}`,
  });
  const types = await typesOf(root);
  assert.ok(
    types.list().some((entry) => entry.type === 'echo' && entry.plugin === '@test/lazy' && entry.fault === undefined),
  );
  await assert.rejects(
    (await types.get('echo')).describe(),
    /ERR_ACCESS_DENIED|Access to this API has been restricted/,
  );
  await assert.rejects(readFile(join(home, 'ran')), /ENOENT/);
});

test('describing and calling give plain data', async () => {
  const types = await typesOf(await plugin('plain'));
  const type = await types.get('echo');
  assert.deepEqual((await type.describe()).variants, [
    {
      id: 'cpu',
      platforms: ['linux-x64'],
      devices: ['cpu'],
      has: ['fits', 'deviceFlags', 'resolveBinary'],
    },
  ]);
  assert.deepEqual(await type.command(launch), { args: ['--port', '4242'] });
  assert.deepEqual(await type.fits('cpu', { platform: { os: 'linux', cpu: 'x64' }, devices: [] } as never), {
    fits: true,
  });
  assert.equal(await type.estimate({} as never, {} as never), undefined);
});

test('plugin code may not read, write, spawn or connect outside its folder', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = (server.address() as { port: number }).port;
  const tries: Record<string, string> = {
    read: `(await import('node:fs')).readFileSync('/etc/passwd')`,
    write: `(await import('node:fs')).writeFileSync('${home}/written', '')`,
    spawn: `(await import('node:child_process')).execSync('true')`,
    worker: `new (await import('node:worker_threads')).Worker('1', { eval: true })`,
    connect: `await new Promise((resolve, reject) => { import('node:net').then((net) => net.connect(${port}, '127.0.0.1').on('connect', resolve).on('error', reject)) })`,
  };
  try {
    for (const [name, statement] of Object.entries(tries)) {
      const types = await typesOf(await plugin(`try-${name}`, { code: `${statement};\n${code}` }));
      await assert.rejects(
        (await types.get('echo')).describe(),
        (error: RbeeError) => error.code === 'PLUGIN_FAILED' && /ERR_ACCESS_DENIED|restricted/.test(error.message),
        name,
      );
    }
  } finally {
    server.close();
  }
});

test('a plugin that throws, exits or hangs is named, and works again once fixed', async () => {
  const root = await plugin('moody', { code: `${code} process.exit(7);` });
  const types = await typesOf(root);
  await assert.rejects(
    (await types.get('echo')).describe(),
    /the plugin @test\/moody failed in its entry: its process exited with code 7/,
  );
  await plugin('moody', { code: `throw new Error('no mood');` });
  await assert.rejects((await types.get('echo')).describe(), /no mood/);
  await plugin('moody', { code: `${code} for (;;);` });
  await assert.rejects((await types.get('echo')).describe(), /no answer within 1.5 s/);
  await plugin('moody');
  assert.equal((await (await types.get('echo')).describe()).name, 'echo');
});

// The description used to be cached forever and the functions as long as their process lived. An author who added an
// option and an argument got the old command line, then "there is no such option", and half a minute later a mixture of
// both.
test('an edit of a linked plugin takes effect immediately, in data and functions alike', async () => {
  const states = (word: string) =>
    code.replace("name: 'echo',", `name: 'echo', summary: '${word}',`).replace("'--port'", `'--${word}'`);
  const types = await typesOf(await plugin('edited', { code: states('before') }));
  const seen = async (type: WorkerTypeHandle) => [
    (await type.describe()).summary,
    (await type.command(launch)).args[0],
  ];
  const before = await types.get('echo');
  assert.deepEqual(await seen(before), ['before', '--before']);
  assert.equal(await types.get('echo'), before);
  await plugin('edited', { code: states('after') });
  assert.deepEqual(await seen(await types.get('echo')), ['after', '--after']);
  // Operations that began before the edit finish with the old code.
  assert.deepEqual(await seen(before), ['before', '--before']);
  types.close();
  await assert.rejects(before.command(launch), { code: 'PLUGIN_CHANGED' });
});

test('so does an edit of a file that it reads, its manifest, or a linked dependency', async () => {
  const root = await plugin('parts', { code: `import { word } from 'shared';\n${code.replace("'--port'", 'word')}` });
  const shared = join(home, 'shared');
  const dependency = async (word: string) => {
    await mkdir(shared, { recursive: true });
    await writeFile(join(shared, 'package.json'), '{ "name": "shared", "type": "module", "exports": "./index.js" }');
    await writeFile(join(shared, 'index.js'), `export const word = '${word}';`);
  };
  await dependency('--one');
  await mkdir(join(root, 'node_modules'));
  await symlink(shared, join(root, 'node_modules/shared'));
  const manifest = async (change: object) => {
    const json = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    await writeFile(join(root, 'package.json'), JSON.stringify({ ...json, ...change }));
  };
  await manifest({ dependencies: { shared: '*' } });
  const types = await typesOf(root);
  const word = async () => (await (await types.get('echo')).command(launch)).args[0];
  assert.equal(await word(), '--one');
  await dependency('--two');
  assert.equal(await word(), '--two');
  await manifest({ version: '1.0.1' });
  assert.equal((await types.get('echo')).plugin.version, '1.0.1');
  const { rbee } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  await manifest({ rbee: { ...rbee, workerTypes: { other: rbee.workerTypes.echo } } });
  assert.equal(await types.has('echo'), false);
  assert.equal(await types.has('other'), true);
});

test('a linked plugin that is not built says so', async () => {
  const types = await typesOf(await plugin('unbuilt', { entry: './dist/index.js' }));
  await assert.rejects((await types.get('echo')).describe(), {
    code: 'PLUGIN_NOT_BUILT',
    message: /there is no \.\/dist\/index\.js in .*unbuilt/,
    hint: /npm run build/,
  });
});

test('a manifest that omits something from the code is refused; one that lists extra paths is accepted', async () => {
  const wider = await typesOf(await plugin('wider', { serves: ['/v1/echo', '/v1/other'] }));
  assert.equal((await (await wider.get('echo')).describe()).serves.length, 1);
  const refused: [PluginOptions, RegExp][] = [
    [{ serves: ['/v1/other'] }, /its manifest lacks the paths \/v1\/echo; run: rbee plugins check --write/],
    [
      { variants: ['cpu', 'cuda'] },
      /its manifest lists the variants cpu, cuda, but its code cpu; run: rbee plugins check/,
    ],
  ];
  for (const [options, problem] of refused) {
    const types = await typesOf(await plugin('liar', options));
    await assert.rejects((await types.get('echo')).describe(), problem);
  }
});

test('members of earlier drafts are refused, and the error gives their current name', async () => {
  const refused: [string, string, RegExp][] = [
    ['health:', 'chooseFiles: () => [], health:', /it has chooseFiles, which is now called selectFiles/],
    ['health:', 'moreNames: () => [], health:', /it has moreNames, which is now called aliases/],
    [
      "['linux-x64']",
      "[{ os: 'linux', cpu: 'x64' }]",
      /platforms of the variant cpu are objects; write them as 'linux-x64'/,
    ],
  ];
  for (const [now, former, problem] of refused) {
    const types = await typesOf(await plugin('former', { code: code.replace(now, former) }));
    await assert.rejects((await types.get('echo')).describe(), problem);
  }
});

test('a GPU variant without binds or device flags is refused', async () => {
  const unbound = code.replace("id: 'cpu'", "id: 'cuda'").replace(/deviceFlags: .*?\}\),/, '');
  const types = await typesOf(await plugin('unbound', { code: unbound, variants: ['cuda'] }));
  await assert.rejects((await types.get('echo')).describe(), /variant cuda has neither binds nor deviceFlags/);
});

test('an answer of the wrong shape is the plugin’s failure', async () => {
  const types = await typesOf(
    await plugin('shapeless', { code: code.replace("{ args: ['--port', String(launch.port)] }", '({ args: 1 })') }),
  );
  await assert.rejects((await types.get('echo')).command(launch), (error: RbeeError) => error.code === 'PLUGIN_FAILED');
});

test('an unusable manifest is refused, and the error says why', async () => {
  const refused: [PluginOptions, RegExp][] = [
    [{ api: 2 }, /written for API version 2, but this rbee supports 1/],
    // In another contract version everything may look different.
    [{ api: 2, serves: [] }, /written for API version 2/],
    [{ type: '../evil' }, /worker type "..\/evil"/],
    [{ type: '__proto__x' }, /worker type/],
    [{ type: 'constructor' }, /constructor is not allowed as a name/],
    [{ variants: ['cpu', 'constructor'] }, /constructor is not allowed as a name/],
    [{ entry: 'dist\\..\\..\\outside.js' }, /its entry is outside the package/],
    [{ entry: '../outside.js' }, /its entry is outside the package/],
    [{ entry: '/etc/passwd' }, /its entry is outside the package/],
    [{ serves: ['/v1/jobs'] }, /\/v1\/jobs is reserved for rbee/],
    [{ serves: ['/health'] }, /is reserved for rbee/],
    [{ serves: ['no-slash'] }, /serves/],
    [{ serves: [] }, /serves/],
    [{ serves: ['/v1/echo', '/v1/other', '/v1/echo'] }, /worker type "echo": it lists \/v1\/echo twice/],
    [{ version: 'newest' }, /version/],
  ];
  for (const [index, [options, expected]] of refused.entries()) {
    await assert.rejects(readManifest(await plugin(`refused-${index}`, options)), expected, JSON.stringify(options));
  }
  await assert.rejects(readManifest(join(home, 'nowhere')), /its package.json cannot be read/);
});

/** The hive used to make a path of each, and read or start what was there. */
test('a model or script outside the package is refused when the plugin is described', async () => {
  for (const [index, member] of [
    "models: { formats: [], demo: '../../secret.gguf' }",
    "models: { formats: [], demo: '/etc/passwd' }",
    "adapter: { script: 'a/../../outside.js' }",
  ].entries()) {
    const types = await typesOf(
      await plugin(`outside-${index}`, { code: code.replace("name: 'echo',", `name: 'echo', ${member},`) }),
    );
    await assert.rejects((await types.get('echo')).describe(), {
      code: 'PLUGIN_INVALID',
      message: /is outside the package/,
    });
  }
});

test('a faulty plugin only makes its own type unusable', async () => {
  const types = await typesOf(await plugin('good'), await plugin('newer', { api: 9, type: 'other' }));
  assert.equal((await (await types.get('echo')).describe()).name, 'echo');
  assert.ok(types.list().some((entry) => entry.fault?.includes('API version 9')));
});

test('two plugins with the same type make it unusable, and both are named', async () => {
  const types = await typesOf(await plugin('first'), await plugin('second'));
  await assert.rejects(types.get('echo'), /both @test\/first and @test\/second provide/);
});

test('an unknown type is refused, with a similar name', async () => {
  const types = await typesOf(await plugin('known'));
  await assert.rejects(types.get('ehco'), /there is no worker type ehco/);
});

test('a change to the index takes effect without a restart', async () => {
  const data = await mkdtemp(join(home, 'data-'));
  await writeIndex(data, []);
  let heard = () => {};
  const types = new WorkerTypes(data, () => heard());
  opened.push(types);
  await types.start();
  await assert.rejects(types.get('echo'));
  const changed = new Promise<void>((resolve) => {
    heard = resolve;
  });
  await writeIndex(data, [await plugin('late')]);
  await changed;
  assert.equal((await types.get('echo')).plugin.package, '@test/late');
});

test('failure rules run in the plugin process: a hanging rule costs only the diagnosis', async () => {
  const rules = `failures: [
    { pattern: /port (\\d+)/, cause: 'port_in_use', message: 'port {1} is taken', hint: 'h' },
    { pattern: /^(a+)+$/, cause: 'crashed', message: 'm', hint: 'h' }], health:`;
  const types = await typesOf(await plugin('ruled', { code: code.replace('health:', rules) }));
  const type = await types.get('echo');
  const failure = (line: string) => ({ log: [line], exit: null, wasReady: false, binary: { id: 'x' } });
  const said = await type.diagnose(failure('port 80'));
  assert.deepEqual(said, { cause: 'port_in_use', message: 'port 80 is taken', hint: 'h' });
  const [kept] = (await type.describe()).failures ?? [];
  assert.deepEqual(kept?.pattern, { source: 'port (\\d+)', flags: '' }, 'a pattern crosses as data');
  await assert.rejects(type.diagnose(failure(`${'a'.repeat(60)}!`)), { code: 'PLUGIN_FAILED', message: /no answer/ });
  assert.equal((await type.diagnose(failure('port 81')))?.message, 'port 81 is taken');
});
