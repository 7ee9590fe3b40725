import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { atFullScale } from '@rbee/test/scale';
import { rawTar, rawZip } from '../archives/testing.ts';
import type { NarrationEvent } from '../contract/api/narration.ts';
import type { RbeeError } from '../contract/errors.ts';
import type { BinarySource, PrepareStep, ResolvedBinary } from '../contract/worker-type/worker-type.ts';
import { eventually, isGone, tempFolder } from '../lifecycle/process/testing.ts';
import type { BinaryContext } from './context.ts';
import { downloadCache } from './download-cache.ts';
import { ensureBinary, lookForBinary, lookForPrepared } from './installer.ts';
import { fileServer, noise, sha256Of } from './testing-server.ts';

interface Setting {
  home: string;
  context: BinaryContext;
  /** Texts of the narration. */
  told: string[];
  events: NarrationEvent[];
  /** Names below the store, without locks. */
  store: () => Promise<string[]>;
}

const setting = async (t: TestContext, more: Partial<BinaryContext> = {}): Promise<Setting> => {
  const home = await tempFolder(t);
  const [told, events]: [string[], NarrationEvent[]] = [[], []];
  const env = { PATH: process.env['PATH'], HOME: home, npm_config_cache: join(home, 'npm-cache') };
  const context: BinaryContext = {
    plugin: { package: '@test/plugin', root: home, version: '1.2.3' },
    folders: { data: join(home, 'data'), cache: join(home, 'cache') },
    env,
    narrate: (event) => {
      events.push(event);
      if ('text' in event && event.text !== undefined) told.push(event.text);
    },
    signal: new AbortController().signal,
    fetcher: downloadCache({}, { idleTimeoutMs: 5_000, maxAttempts: 3, backoffMs: 1 }),
    ...more,
  };
  const list = () => readdir(join(home, 'data/binaries')).catch(() => []);
  return { home, context, told, events, store: async () => (await list()).filter((name) => !name.endsWith('.lock')) };
};

const run = (binary: ResolvedBinary, ...args: string[]): string => {
  const [program = '', ...first] = binary.argv;
  return execFileSync(program, [...first, ...args], { encoding: 'utf8' }).trim();
};

const code =
  (expected: string, message = /./) =>
  (error: unknown) => {
    assert.equal((error as RbeeError).code, expected, `${error} ${(error as RbeeError).lines?.join('\n')}`);
    assert.match((error as RbeeError).message, message);
    return true;
  };

const engineTar = gzipSync(
  rawTar([
    { name: 'engine-1.2.3/bin/engine', data: '#!/bin/sh\ncat "$(dirname "$0")/../lib/words.1"\n' },
    { name: 'engine-1.2.3/lib/words.1.0', data: 'hello' },
    { name: 'engine-1.2.3/lib/words.1', link: 'words.1.0' },
  ]),
);

const archiveSource = (url: string, data: Buffer = engineTar): BinarySource & { kind: 'archive' } => ({
  kind: 'archive',
  id: 'engine',
  url: `${url}/engine-{version}.tgz`,
  sha256: sha256Of(data),
  member: 'bin/engine',
  strip: 1,
});

test('a release archive is downloaded and unpacked, and its program runs; the second time nothing happens', async (t) => {
  const { context, told, store } = await setting(t);
  const server = await fileServer(t);
  server.files.set('/engine-1.2.3.tgz', { data: engineTar });
  const source = archiveSource(server.url);
  assert.deepEqual(await lookForBinary(source, context), { problem: 'it is not installed yet' });
  const binary = await ensureBinary(source, context);
  assert.deepEqual([binary.id, binary.kind, run(binary)], ['engine', 'archive', 'hello']);
  assert.deepEqual(told, [
    `downloading engine-1.2.3.tgz from ${new URL(server.url).host}`,
    'downloaded engine-1.2.3.tgz',
    'unpacking engine-1.2.3.tgz',
    'unpacked engine-1.2.3.tgz',
  ]);
  assert.deepEqual(await ensureBinary(source, context), binary);
  assert.equal(server.requests.length, 1);
  assert.equal((await store()).length, 2);
  const mirror = { ...source, url: 'https://mirror.invalid/engine.tgz' };
  assert.deepEqual(await lookForBinary(mirror, context), binary, 'where it came from does not matter');
});

test("separately released libraries are unpacked into the program's folder", async (t) => {
  const { context } = await setting(t);
  const server = await fileServer(t);
  const [program, library] = [
    rawZip([{ name: 'engine', data: '#!/bin/sh\ncat "$(dirname "$0")/words.txt"\n' }]),
    rawZip([{ name: 'words.txt', data: 'from the second' }]),
  ];
  server.files.set('/a.zip', { data: program });
  server.files.set('/b.zip', { data: library });
  const binary = await ensureBinary(
    {
      kind: 'archive',
      id: 'engine',
      url: `${server.url}/a.zip`,
      sha256: sha256Of(program).toUpperCase(),
      member: 'engine',
      overlays: [{ url: `${server.url}/b.zip`, sha256: sha256Of(library) }],
    },
    context,
  );
  assert.equal(run(binary), 'from the second');
});

test('a failed installation leaves nothing behind: wrong bytes, a hostile archive, a missing program', async (t) => {
  const { context, store } = await setting(t);
  const server = await fileServer(t);
  const hostile = rawTar([
    { name: 'x/bin/engine', data: 'x' },
    { name: 'x/l', link: '/etc' },
  ]);
  server.files.set('/engine-1.2.3.tgz', { data: noise(1000) });
  await assert.rejects(ensureBinary(archiveSource(server.url), context), code('CHECKSUM_MISMATCH'));
  server.files.set('/engine-1.2.3.tgz', { data: hostile });
  await assert.rejects(ensureBinary(archiveSource(server.url, hostile), context), code('ARCHIVE_INVALID', /leads out/));
  server.files.set('/engine-1.2.3.tgz', { data: engineTar });
  const missing = { ...archiveSource(server.url), member: 'bin/other' };
  await assert.rejects(ensureBinary(missing, context), code('ARCHIVE_INVALID', /does not contain bin\/other/));
  assert.deepEqual(await store(), []);
});

test('an invalid source of a plugin is refused by name before anything is downloaded', async (t) => {
  const { context } = await setting(t);
  const good = archiveSource('http://127.0.0.1:1');
  const wrong: BinarySource[] = [
    { ...good, sha256: 'abc' },
    { ...good, url: 'file:///etc/passwd' },
    { ...good, member: '../../bin/sh' },
    { ...good, strip: -1 },
    { kind: 'npm', id: 'engine', package: '--global', version: '1.0.0', bin: 'x' },
    { kind: 'npm', id: 'engine', package: 'x', version: 'latest', bin: 'x' },
    { kind: 'npm', id: 'engine', package: 'x', version: '1.0.0', bin: '../x' },
    { kind: 'python', id: 'engine', requirement: '--index-url=http://evil', entryPoint: 'x' },
    { kind: 'python', id: 'engine', requirement: 'x', entryPoint: '../../x' },
  ];
  for (const source of wrong)
    await assert.rejects(ensureBinary(source, context), code('PLUGIN_INVALID', /@test\/plugin .* engine/));
});

test('concurrent requests install a program once', async (t) => {
  const { context, store } = await setting(t);
  const server = await fileServer(t);
  server.files.set('/engine-1.2.3.tgz', { data: engineTar });
  const all = await Promise.all(Array.from({ length: 4 }, () => ensureBinary(archiveSource(server.url), context)));
  assert.equal(new Set(all.map(({ path }) => path)).size, 1);
  assert.equal((await store()).length, 2);
  assert.equal(server.requests.length, 1);
});

/** Every file below a folder, with its content. */
const contents = async (folder: string): Promise<string> => {
  const hash = createHash('sha256');
  for (const entry of (await readdir(folder, { recursive: true, withFileTypes: true })).sort((a, b) =>
    join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1,
  )) {
    hash.update(join(entry.parentPath.slice(folder.length), entry.name));
    if (entry.isFile()) hash.update(await readFile(join(entry.parentPath, entry.name)));
  }
  return hash.digest('hex');
};

test('after a kill at any point of download or unpacking, the next run resumes, and partial results are never used', {
  skip: atFullScale,
}, async (t) => {
  const { home, context, store } = await setting(t);
  const server = await fileServer(t);
  const parts = Array.from({ length: 40 }, (_, index) => ({
    name: `top/lib/${index}`,
    data: noise(100_000, `${index}`),
  }));
  const data = gzipSync(rawTar([...parts, { name: 'top/bin/engine', data: '#!/bin/sh\necho whole\n', mode: 0o755 }]), {
    level: 1,
  });
  server.files.set('/engine-1.2.3.tgz', { data, slowMs: 1 });
  const source = { ...archiveSource(server.url, data), url: `${server.url}/engine-1.2.3.tgz` };
  const reference = await setting(t);
  const expected = await contents(join((await ensureBinary(source, reference.context)).path, '../..'));
  const script = join(import.meta.dirname, 'testing-install.ts');

  let [kills, finished] = [0, false];
  for (let round = 0; !finished; round++) {
    const child = spawn(process.execPath, [script, JSON.stringify(source), home], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // Each round is killed at a later event than the one before, after a short delay.
    let left = 1 + Math.floor(round / 2);
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
      for (const _ of String(chunk).matchAll(/\n/g))
        if (--left === 0) setTimeout(() => child.kill('SIGKILL'), Math.random() * 40);
    });
    await new Promise((resolve) => child.once('close', resolve));
    finished = output.includes('"kind":"result"');
    kills += child.signalCode === 'SIGKILL' ? 1 : 0;
    const look = await lookForBinary(source, context);
    if (!('problem' in look)) assert.equal(await contents(join(look.path, '../..')), expected);
    else assert.ok(!finished);
  }
  assert.ok(kills > 2, `${kills} kills`);
  assert.equal(run(await ensureBinary(source, context)), 'whole');
  const left = await store();
  assert.equal(left.length, 2, `what the killed ones left is gone: ${left.join(' ')}`);
});

/** A registry with one package, as far as npm needs it. */
const npmRegistry = async (t: TestContext, scriptRan: string) => {
  const server = await fileServer(t);
  const [name, version] = ['tiny-engine', '1.0.0'];
  const manifest = { name, version, bin: { 'tiny-engine': 'cli.js' }, scripts: { postinstall: `touch ${scriptRan}` } };
  const tarball = gzipSync(
    rawTar([
      { name: 'package/package.json', data: JSON.stringify(manifest) },
      { name: 'package/cli.js', data: '#!/usr/bin/env node\nconsole.log("from npm", process.version)\n' },
    ]),
  );
  const dist = {
    tarball: `${server.url}/${name}/-/${name}-${version}.tgz`,
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
  };
  const packument = { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
  server.files.set(`/${name}`, { data: Buffer.from(JSON.stringify(packument)) });
  server.files.set(`/${name}/-/${name}-${version}.tgz`, { data: tarball });
  return server;
};

test("a program of an npm package is installed, runs with the hive's Node, and needs no registry the second time", async (t) => {
  const first = await setting(t);
  const registry = await npmRegistry(t, join(first.home, 'script-ran'));
  const env = { ...first.context.env, npm_config_registry: registry.url };
  const source: BinarySource = {
    kind: 'npm',
    id: 'tiny',
    package: 'tiny-engine',
    version: '1.0.0',
    bin: 'tiny-engine',
  };
  const binary = await ensureBinary(source, { ...first.context, env });
  assert.equal(binary.argv[0], process.execPath);
  assert.equal(run(binary), `from npm ${process.version}`);
  assert.equal((await readdir(first.home)).includes('script-ran'), false);
  assert.deepEqual(first.told.slice(0, 1), ['installing the npm package tiny-engine@1.0.0']);
  assert.ok(first.events.some(({ kind }) => kind === 'progress'));

  registry.files.clear();
  await rm(join(first.home, 'data'), { recursive: true });
  assert.equal(run(await ensureBinary(source, { ...first.context, env })), `from npm ${process.version}`);

  const other = { ...source, bin: 'absent' };
  await assert.rejects(ensureBinary(other, { ...first.context, env }), code('INSTALL_FAILED', /has no program absent/));
  const gone = { ...source, package: 'no-such-engine' };
  await assert.rejects(ensureBinary(gone, { ...first.context, env }), (error: RbeeError) => {
    assert.match(error.lines.join('\n'), /404|no-such-engine/);
    return code('INSTALL_FAILED', /npm ended with exit code/)(error);
  });
});

/** A wheel with a program `tiny-vllm`, made by hand: it is a zip. */
const writeWheel = async (folder: string, name = 'tiny_vllm'): Promise<void> => {
  const info = `${name}-1.0.dist-info`;
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, `${name}-1.0-py3-none-any.whl`),
    rawZip([
      { name: `${name}.py`, data: 'def main():\n    import sys\n    print("from python", sys.prefix)\n' },
      { name: `${info}/METADATA`, data: `Metadata-Version: 2.1\nName: ${name.replace('_', '-')}\nVersion: 1.0\n` },
      {
        name: `${info}/WHEEL`,
        data: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
      },
      { name: `${info}/entry_points.txt`, data: `[console_scripts]\n${name.replace('_', '-')} = ${name}:main\n` },
      { name: `${info}/RECORD`, data: '' },
    ]),
  );
};

const pythonSetting = async (t: TestContext): Promise<Setting> => {
  const made = await setting(t);
  const wheels = join(made.home, 'wheels');
  await writeWheel(wheels);
  await writeWheel(wheels, 'tiny_extra');
  // No uv, but a Python with the venv module.
  const bin = join(made.home, 'bin');
  await mkdir(bin);
  const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
  await symlink(python, join(bin, 'python3'));
  Object.assign(made.context.env, {
    PATH: `${bin}${delimiter}/usr/bin${delimiter}/bin`,
    PIP_NO_INDEX: '1',
    PIP_FIND_LINKS: wheels,
  });
  return made;
};

const vllm: BinarySource = { kind: 'python', id: 'tiny-vllm', requirement: 'tiny-vllm==1.0', entryPoint: 'tiny-vllm' };

test('a Python program gets its own environment with the steps of its source, rebuilt when its Python is removed', {
  skip: atFullScale,
}, async (t) => {
  const { context, told, home, events } = await pythonSetting(t);
  const steps: PrepareStep[] = [
    { kind: 'venv' },
    { kind: 'requirement', requirement: './wheels/tiny_extra-1.0-py3-none-any.whl' },
    { kind: 'run', args: ['python', '-c', 'import tiny_extra; open("prepared", "w").write("yes")'] },
    { kind: 'run', args: ['$binary'] },
  ];
  const source: BinarySource = { ...vllm, prepare: steps };
  const binary = await ensureBinary(source, context);
  assert.equal(run(binary), `from python ${binary.environment}/venv`);
  assert.equal(await readFile(join(binary.environment ?? '', 'prepared'), 'utf8'), 'yes');
  assert.deepEqual(told.filter((text) => /^(creating|installing|running)/.test(text)).slice(0, 3), [
    'creating a Python environment with python3',
    'installing tiny-vllm==1.0 with pip',
    'installing ./wheels/tiny_extra-1.0-py3-none-any.whl with pip',
  ]);
  assert.ok(events.some((event) => event.kind === 'progress' && /Looking in links|Processing/.test(event.text ?? '')));
  assert.deepEqual(await lookForBinary(source, context), binary);

  // A system update removes the Python that the environment was created with.
  const venvPython = join(binary.environment ?? '', 'venv/bin/python3');
  await unlink(venvPython);
  await symlink(join(home, 'no-such-python'), venvPython);
  assert.deepEqual(await lookForBinary(source, context), {
    problem: 'the Python that it was installed with no longer exists',
  });
  const again = await ensureBinary(source, context);
  assert.notEqual(again.path, binary.path);
  assert.match(run(again), /from python/);
});

test('a failing step is reported with its output, and its result is not used', { skip: atFullScale }, async (t) => {
  const { context, store } = await pythonSetting(t);
  const missing = { ...vllm, requirement: 'no-such-engine==1' };
  await assert.rejects(ensureBinary(missing, context), (error: RbeeError) => {
    assert.match(error.lines.join('\n'), /No matching distribution/);
    return code('INSTALL_FAILED', /cannot install no-such-engine==1/)(error);
  });
  const there = (...prepare: PrepareStep[]): BinarySource => ({ kind: 'path', id: 'sh', program: 'sh', prepare });
  const early = there({ kind: 'requirement', requirement: 'tiny-extra' });
  await assert.rejects(ensureBinary(early, context), code('PLUGIN_INVALID', /before a venv step/));
  for (const file of ['../requirements.txt', '/etc/requirements.txt', '-r']) {
    const outside = there({ kind: 'venv' }, { kind: 'requirements', file });
    await assert.rejects(ensureBinary(outside, context), code('PLUGIN_INVALID', /binary source sh: prepare/));
  }
  assert.deepEqual(await store(), []);
});

test('a requirements file in an archive is installed, together with packages that must be compatible', {
  skip: atFullScale,
}, async (t) => {
  const { context, told, home } = await pythonSetting(t);
  const server = await fileServer(t);
  await writeWheel(join(home, 'wheels'), 'tiny_torch');
  const data = rawZip([
    { name: 'engine-1/main.py', data: '#!/bin/sh\necho main\n', mode: 0o755 },
    { name: 'engine-1/requirements.txt', data: 'tiny-extra==1.0\n' },
  ]);
  server.files.set('/engine.zip', { data });
  const url = `${server.url}/engine.zip`;
  const archive = { kind: 'archive', id: 'engine', url, sha256: sha256Of(data), strip: 1, member: 'main.py' } as const;
  const prepare: PrepareStep[] = [
    { kind: 'venv' },
    { kind: 'requirement', requirement: ['tiny-torch', 'tiny-vllm'], indexes: ['https://index.example/cpu'] },
    { kind: 'requirements', file: 'requirements.txt' },
  ];
  const plain = await ensureBinary(archive, context);
  assert.equal(plain.environment, undefined, 'another source of the same program asks for nothing');
  const binary = await ensureBinary({ ...archive, prepare }, context);
  assert.equal(binary.path, plain.path, 'the program is there once');
  const python = join(binary.environment ?? '', 'venv/bin/python');
  execFileSync(python, ['-c', 'import tiny_torch, tiny_vllm, tiny_extra']);
  assert.deepEqual(
    told.filter((text) => text.startsWith('installing')),
    ['installing tiny-torch tiny-vllm with pip', 'installing requirements.txt with pip'],
  );
  assert.deepEqual(await lookForPrepared({ ...archive, prepare }, plain, context), binary);
  const otherwise: BinarySource = { ...archive, prepare: prepare.slice(0, 1) };
  assert.equal(await lookForPrepared(otherwise, plain, context), null);
  assert.notEqual((await ensureBinary(otherwise, context)).environment, binary.environment);
});

test('other programs get a folder for the steps of their source, once', async (t) => {
  const { context } = await pythonSetting(t);
  const prepare: PrepareStep[] = [{ kind: 'run', args: ['$binary', '-c', 'echo once >> prepared'] }];
  const there: BinarySource = { kind: 'path', id: 'sh', program: 'sh', prepare };
  const binary = await ensureBinary(there, context);
  assert.deepEqual(await ensureBinary(there, context), binary);
  assert.equal(await readFile(join(binary.environment ?? '', 'prepared'), 'utf8'), 'once\n');
});

/**
 * Replaces uv, with the same command line: creates a fake environment and "installs" a program. If a file `hang`
 * exists, it removes that, writes its PID to `pid` and hangs.
 */
const withUv = async (home: string, env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> => {
  const bin = join(home, 'bin');
  const script = `#!/bin/sh
for last; do :; done
echo "uv $*"
case "$1" in
  venv) mkdir -p "$last/bin"; ln -s /bin/sh "$last/bin/python";;
  pip) if rm "${home}/hang" 2>/dev/null; then echo $$ > "${home}/pid"; exec sleep 1000; fi
    printf '#!/bin/sh\\necho engine\\n' > "$(dirname "$4")/tiny-vllm"; chmod +x "$(dirname "$4")/tiny-vllm";;
esac
`;
  await mkdir(bin);
  await writeFile(join(bin, 'uv'), script, { mode: 0o755 });
  return { ...env, PATH: `${bin}${delimiter}/usr/bin${delimiter}/bin` };
};

test('uv is used if present, with the requested Python version and indexes', async (t) => {
  const { home, context, told, events, store } = await setting(t);
  const here = { ...context, env: await withUv(home, context.env) };
  const source: BinarySource = { ...vllm, python: '3.12', indexes: ['https://index.example/cpu'] };
  assert.equal(run(await ensureBinary(source, here)), 'engine');
  const { path } = await ensureBinary(source, here);
  const venv = join(path, '../..');
  const lines = events.flatMap((event) => (event.kind === 'progress' ? [event.text] : []));
  assert.deepEqual(lines, [
    `uv venv --python 3.12 ${venv}`,
    `uv pip install --python ${venv}/bin/python --extra-index-url https://index.example/cpu tiny-vllm==1.0`,
  ]);
  assert.equal(told[0], 'creating a Python environment with uv');
  const before = await store();
  await assert.rejects(
    ensureBinary({ ...vllm, entryPoint: 'absent' }, here),
    code('INSTALL_FAILED', /not install a program absent/),
  );
  assert.deepEqual(await store(), before);
});

test('a tool whose parent was killed is ended by the next attempt, which does not use its files', async (t) => {
  const { home, context, store } = await setting(t);
  const env = await withUv(home, context.env);
  await writeFile(join(home, 'hang'), '');
  const script = join(import.meta.dirname, 'testing-install.ts');
  const child = spawn(process.execPath, [script, JSON.stringify(vllm), home], { env, stdio: 'ignore' });
  const pid = await eventually(async () => Number(await readFile(join(home, 'pid'), 'utf8').catch(() => 0)) || null);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('close', resolve));
  assert.equal(await isGone(pid), false);
  const here = { ...context, plugin: { ...context.plugin, version: '1.0.0' }, env };
  assert.equal(run(await ensureBinary(vllm, here)), 'engine');
  assert.equal(await isGone(pid), true);
  assert.equal((await store()).length, 2);
});

test('aborting an installation ends everything that it runs', async (t) => {
  const stop = new AbortController();
  const { home, context, store } = await setting(t, { signal: stop.signal });
  const prepare: PrepareStep[] = [{ kind: 'run', args: ['sh', '-c', `sleep 1000 & echo $! > ${home}/pid; wait`] }];
  const installing = ensureBinary({ kind: 'path', id: 'sh', program: 'sh', prepare }, context);
  const pid = await eventually(async () => Number(await readFile(join(home, 'pid'), 'utf8').catch(() => 0)) || null);
  stop.abort(new Error('enough'));
  await assert.rejects(installing, /enough/);
  await eventually(() => isGone(pid));
  assert.deepEqual(await store(), []);
});

test('without uv and a Python with venv, the error lists what was tried', async (t) => {
  const { home, context } = await setting(t);
  const bin = join(home, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'python3'), '#!/bin/sh\necho "No module named \'ensurepip\'" >&2\nexit 1\n', {
    mode: 0o755,
  });
  await writeFile(join(bin, 'python'), '#!/bin/sh\necho 2.7.18\n', { mode: 0o755 });
  const here = { ...context, env: { PATH: bin } };
  await assert.rejects(
    ensureBinary(vllm, here),
    code('PYTHON_NOT_FOUND', /uv was not found, .*python3 has no venv module, .*python is version 2\.7\.18/),
  );
  await writeFile(join(bin, 'python3'), '#!/bin/sh\necho 3.9.1\n');
  await assert.rejects(ensureBinary({ ...vllm, python: '3.12' }, here), code('PYTHON_NOT_FOUND', /3\.9\.1/));
});
