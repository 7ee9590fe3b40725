/** Sources of plugins other than a registry, and which install scripts run. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { atFullScale } from '@rbee/test/scale';
import type { NarrationEvent } from '../../contract/api/narration.ts';
import {
  type PluginOptions,
  packPlugin,
  pluginFiles,
  startTinyRegistry,
  type TinyRegistry,
} from '../testing/registry.ts';
import { type TestStore, testStore } from '../testing/store.ts';

let folder: string;
let registry: TinyRegistry;
let store: TestStore;
before(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rbee-sources-')));
});
beforeEach(async () => {
  registry = await startTinyRegistry();
  store = await testStore(folder, registry);
});
afterEach(async () => {
  store.installer.close();
  await registry.close();
});
after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));

/** Publishes a plugin and an engine that it needs, whose scripts leave a file where they run. */
const offerScripts = ({ version = '1.0.0', ...options }: PluginOptions = {}): void => {
  const scripts = { install: 'node -e "fs.writeFileSync(\'compiled\', process.cwd())"' };
  const engine = { name: 'engine', version: '1.0.0', scripts };
  registry.offer({
    name: 'engine',
    version: '1.0.0',
    packed: packPlugin({ manifest: JSON.stringify(engine) }),
    document: { scripts, hasInstallScript: true },
  });
  const more = { dependencies: { engine: '1.0.0' }, scripts };
  const packed = packPlugin({ ...options, version, more });
  registry.offer({ name: '@rbee/worker-echo', version, packed, document: more });
};
const compiled = (root: string): boolean[] =>
  [root, join(root, '../../engine')].map((one) => existsSync(join(one, 'compiled')));

test('no script of a plugin or its dependencies runs unless the user allows it', async () => {
  offerScripts();
  const { root } = await store.install('echo');
  assert.deepEqual(compiled(root), [false, false]);
  // The answer used to be "already installed", and the scripts that had just been allowed did not run.
  const allowed = await store.install('echo', { scripts: true });
  assert.equal(allowed.changed, true);
  assert.deepEqual(compiled(allowed.root), [true, true]);
  assert.deepEqual(allowed.scripts, ['cpu']);
  // A tree that a worker may be running from stays unchanged.
  assert.deepEqual(compiled(root), [false, false]);
  assert.equal((await store.install('echo', { scripts: true, variant: 'cpu' })).changed, false);
  assert.equal((await store.install('echo')).root, allowed.root);
});

test('scripts run for variants that lack them, and for an up-to-date version', {
  skip: atFullScale,
}, async () => {
  offerScripts({ variants: ['cpu', 'cuda'], packages: "id === 'cuda' ? { leaveOut: ['nothing'] } : {}" });
  await store.install('echo', { variant: 'cpu' });
  await store.install('echo', { variant: 'cuda', scripts: true });
  const [one] = await store.installer.list();
  assert.deepEqual(one?.scripts, ['cuda']);
  const call = { signal: new AbortController().signal, narrate: () => {} };
  assert.equal((await store.installer.update('echo', {}, call)).changed, false);
  assert.equal((await store.installer.update('echo', { scripts: true }, call)).changed, true);
  const [both] = await store.installer.list();
  assert.deepEqual(both?.scripts, ['cpu', 'cuda']);
  assert.deepEqual(compiled(both?.root ?? ''), [true, true]);
  assert.equal((await store.installer.update('echo', { scripts: true }, call)).changed, false);
});

test('an update says that allowed scripts do not run for a new version', {
  skip: atFullScale,
}, async () => {
  offerScripts();
  await store.install('echo', { scripts: true });
  offerScripts({ version: '1.0.1' });
  const call = {
    signal: new AbortController().signal,
    narrate: (event: NarrationEvent) => void store.said.push(event),
  };
  assert.equal((await store.installer.update('echo', {}, call)).to, '1.0.1');
  assert.match(JSON.stringify(store.said), /will not run for 1\.0\.1.*--allow-scripts/);
  assert.deepEqual((await store.installer.list())[0]?.scripts, undefined);
});

test('a failing script is shown, and nothing is installed', async () => {
  const scripts = { postinstall: 'echo no compiler here >&2; exit 3' };
  registry.offer({
    name: '@rbee/worker-echo',
    version: '1.0.0',
    packed: packPlugin({ more: { scripts } }),
    document: { scripts },
  });
  await assert.rejects(
    store.install('echo', { scripts: true }),
    (error: Error & { code?: string; lines?: string[] }) => {
      assert.equal(error.code, 'NPM_FAILED');
      assert.match(error.message, /run the scripts of @rbee\/worker-echo/);
      assert.match(error.lines?.join('\n') ?? '', /no compiler here/);
      return true;
    },
  );
  assert.deepEqual(await store.installer.list(), []);
});

/** Creates a repository with one plugin; returns its address. */
const repository = async (more: Record<string, unknown>): Promise<string> => {
  const work = await mkdtemp(join(folder, 'repository-'));
  for (const [path, text] of Object.entries(pluginFiles({ name: '@acme/worker-echo', more }))) {
    await writeFile(join(work, path), text);
  }
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: work, stdio: 'pipe' });
  git('init', '--quiet', '--initial-branch=main');
  git('add', '.');
  git('commit', '--quiet', '--message=one');
  git('tag', 'v1');
  git('tag', 'v1.0.0');
  await writeFile(join(work, 'later'), '');
  git('add', '.');
  git('commit', '--quiet', '--message=two');
  return `git+file://${work}`;
};

test('a git address needs confirmation and is installed at the newest or the given commit', async () => {
  const address = await repository({});
  await assert.rejects(store.install(address), { code: 'PUBLISHER_UNKNOWN', message: /a file/ });
  const { root, follows } = await store.install(address, { yes: true });
  assert.ok(existsSync(join(root, 'later')));
  assert.equal(follows, null, 'updates do not go to the repository');
  const other = await store.install(`${address}#v1`, { yes: true, force: true });
  assert.ok(!existsSync(join(other.root, 'later')));
});

test('a git address may have a range of tags, and a folder in the repository', { skip: atFullScale }, async () => {
  const address = await repository({ version: '1.0.0' });
  await store.install(`${address}#semver:^1`, { yes: true });
  await assert.rejects(store.install(`${address}#semver:^2`, { yes: true }), {
    code: 'GIT_FAILED',
    message: /no tag for \^2/,
  });
  await assert.rejects(store.install(`${address}#v1::path:../..`, { yes: true }), {
    code: 'GIT_FAILED',
    message: /outside/,
  });
});

test('no scripts of a git repository run, not even prepare scripts', {
  skip: atFullScale,
}, async () => {
  const marker = join(folder, 'prepared');
  const run = `touch ${marker}`;
  const scripts = { prepare: run, prepack: run, postpack: run, preinstall: run, install: run, postinstall: run };
  await store.install(await repository({ scripts, devDependencies: { nowhere: '1.0.0' } }), { yes: true });
  assert.ok(!existsSync(marker));
});

test('an error names a git address that does not exist', async () => {
  await mkdir(join(folder, 'empty'), { recursive: true });
  await assert.rejects(store.install(`git+file://${folder}/empty`, { yes: true }), {
    code: 'GIT_FAILED',
    message: /git could not get git\+file:.*empty: .*does not (appear to be|exist)/,
  });
  await assert.rejects(store.install('git+https://me:secret@127.0.0.1:1/a.git', { yes: true }), (error: Error) => {
    assert.doesNotMatch(JSON.stringify(error), /secret/);
    return true;
  });
});
