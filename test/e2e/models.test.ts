/** Models with the real command line and daemons, from a stand-in of the hub. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { createHome, fakePlugin, kill, type TestHome } from '../harness/home.ts';
import { ggufNoise, type Hub, sha256, startHub } from '../harness/hub.ts';
import { atFullScale, until } from '../harness/until.ts';

const root = resolve(import.meta.dirname, '../..');
const llamacpp = join(root, 'plugins/worker-llamacpp');
const demo = readFileSync(join(llamacpp, 'models', readdirSync(join(llamacpp, 'models'))[0] ?? ''));

let hub: Hub;
let home: TestHome;
before(async () => {
  hub = await startHub();
  home = createHome({ plugins: [fakePlugin, llamacpp], queen: 'mode = "standalone"' });
  home.env['HF_ENDPOINT'] = hub.url;
  home.env['HF_HOME'] = join(home.folder, 'hf');
  const parts = join(home.folder, 'parts');
  writePartsPlugin(parts);
  await home.json(['plugins', 'link', parts]);
});
afterEach(() => {
  delete hub.manners.slowMs;
});
after(async () => {
  await home?.close();
  await hub?.close();
});

/** A type whose models have components, and which selects its files itself. */
const writePartsPlugin = (folder: string): void => {
  mkdirSync(folder, { recursive: true });
  const workerTypes = { parts: { entry: './index.js', serves: ['/v1/chat/completions'], variants: ['cpu'] } };
  const manifest = { name: 'worker-parts', version: '1.0.0', type: 'module', keywords: ['rbee-worker'] };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, rbee: { api: 1, workerTypes } }));
  writeFileSync(
    join(folder, 'engine.js'),
    `import ${JSON.stringify(join(root, 'core/dist/conformance/fake-engine.js'))};`,
  );
  writeFileSync(
    join(folder, 'index.js'),
    `export default { name: 'parts', apiVersion: 1, serves: [{ path: '/v1/chat/completions', kind: 'chat' }],
  models: { formats: ['onnx-dir'], components: {
    vae: { required: false, formats: ['safetensors'], description: 'decoder' },
    text: { required: true, formats: ['gguf'], description: 'the encoder of texts' } } },
  options: { type: 'object', properties: { size: { type: 'string', default: 'small', description: 'Which one' } } },
  variants: [{ id: 'cpu', platforms: [process.platform + '-' + process.arch], fits: () => ({ fits: true }),
    deviceFlags: () => ({ args: [], env: {} }),
    resolveBinary: ({ model }) => [{ kind: 'module', id: 'fake-' + (model?.format ?? 'any'), script: 'engine.js' }] }],
  selectFiles: (files, options) => files.map(({ path }) => path)
    .filter((path) => path === 'config.json' || path.endsWith(options.size + '.onnx')),
  command: (launch) => ({ args: ['--port', String(launch.port), '--model', launch.names[0]] }),
  health: { ready: { mode: 'poll', path: '/health' } } };`,
  );
};

const store = () => join(home.paths.data, 'models');
const blobs = () => readdirSync(join(store(), 'blobs')).sort();
const parts = () => readdirSync(join(store(), 'parts')).filter((name) => name.endsWith('.part'));
const cdn = (data: Buffer) => hub.requests.filter((request) => request.startsWith(`CDN /${sha256(data)}`));
const errorOf = async (...args: string[]) => {
  const run = await home.rbee([...args, '--json']);
  assert.notEqual(run.code, 0, run.stdout);
  return { ...JSON.parse(run.stdout).error, exit: run.code } as {
    code: string;
    message: string;
    hint: string;
    exit: number;
  };
};
const draftOf = (worker: string) =>
  JSON.parse(readFileSync(join(home.paths.runs, `${worker}.json`), 'utf8')).data.draft;

test('a spawn downloads the hub model it needs, and the worker answers', async () => {
  const commit = hub.commit('acme/Tiny-GGUF', {
    'README.md': '# Tiny',
    'tiny-Q4_K_M.gguf': demo,
    'tiny-Q8_0.gguf': ggufNoise(3_000_000, 'q8'),
  });
  const spawned = await home.rbee([
    'worker',
    'spawn',
    '--type',
    'llamacpp',
    '--id',
    'tiny-1',
    '--model',
    'hf:acme/Tiny-GGUF',
  ]);
  assert.equal(spawned.code, 0, spawned.stderr);
  assert.match(spawned.stderr, /using the quantization Q4_K_M; also available: Q8_0/);
  assert.match(spawned.stderr, /downloading hf:acme\/Tiny-GGUF \(tiny-Q4_K_M\.gguf, 4\d\d KiB\)/);
  assert.match((await home.rbee(['infer', '-m', 'tiny', 'Hello'])).stdout, /\w/);

  const { models } = await home.json(['model', 'list']);
  assert.equal(models.length, 1);
  const [{ path, workers, gguf, ...view }] = models;
  assert.deepEqual(workers, ['tiny-1']);
  assert.equal(basename(path), 'tiny-Q4_K_M.gguf');
  assert.deepEqual(readFileSync(path), demo);
  assert.equal(view.commit, commit);
  assert.equal(view.name, 'tiny');
  assert.deepEqual([gguf.architecture, gguf.quantization, gguf.chatTemplate], ['llama', 'Q4_K_M', true]);
  assert.ok(gguf.parameters > 1_000 && gguf.contextLength > 0);
  const shown = (await home.rbee(['model', 'list'])).stdout;
  assert.match(shown, /NAME +SIZE +FORMAT +PARAMETERS +QUANTIZATION +CONTEXT +USED BY +MODEL\ntiny/);
  assert.match((await home.rbee(['model', 'get', 'tiny'])).stdout, /chat template +yes\n/);
});

test('a model that a worker was started from is not deleted, even while the worker is stopped', async () => {
  await home.json(['worker', 'stop', 'tiny-1', '--now']);
  const refused = await errorOf('model', 'delete', 'hf:acme/Tiny-GGUF');
  assert.equal(refused.code, 'MODEL_IN_USE');
  assert.match(refused.message, /tiny-1/);
  assert.match(refused.hint, /rbee worker delete tiny-1/);
});

test('a local model can be loaded by its short name in every command', {
  skip: atFullScale,
}, async () => {
  const before = hub.requests.length;
  const loadedBy = async (...args: string[]) => {
    const run = await home.rbee(args);
    assert.equal(run.code, 0, `${args.join(' ')}: ${run.stderr}`);
    const worker = (await home.json(['worker', 'list'])).workers.find(
      ({ state }: { state: string }) => state === 'ready',
    );
    assert.equal(worker.reference, 'hf:acme/Tiny-GGUF');
    await home.json(['worker', 'delete', worker.id, '--now']);
  };
  await home.json(['worker', 'delete', 'tiny-1', '--now']);
  await loadedBy('infer', '-m', 'tiny', 'Hello');
  await loadedBy('infer', '-m', 'acme/Tiny-GGUF', 'Hello');
  await loadedBy('embed', '-m', 'Tiny', 'Hello');
  await loadedBy('worker', 'spawn', '--type', 'llamacpp', '--model', 'tiny');
  assert.equal(hub.requests.length, before, 'the hub was asked');
  assert.equal((await errorOf('infer', '-m', 'tinny', 'Hello')).code, 'MODEL_NOT_FOUND');
  await home.json(['worker', 'spawn', '--type', 'llamacpp', '--id', 'tiny-1', '--model', 'tiny']);
  await home.json(['worker', 'stop', 'tiny-1', '--now']);
});

test('with all files of a model here, the hub is not asked, and the only model need not be named', async () => {
  const before = hub.requests.length;
  assert.equal((await home.json(['model', 'download', 'hf:acme/Tiny-GGUF'])).changed, false);
  const run = await home.rbee(['worker', 'spawn', '--type', 'llamacpp', '--device', 'cpu', '--id', 'tiny-2']);
  assert.match(run.stderr, /no model given: using hf:acme\/Tiny-GGUF, the only downloaded one that llamacpp loads/);
  assert.equal((await home.json(['worker', 'delete', 'tiny-2', '--now'])).reference, 'hf:acme/Tiny-GGUF');
  assert.deepEqual(hub.requests.slice(before), []);
});

test('a model stays at its commit until an update is requested', { skip: atFullScale }, async () => {
  const old = ggufNoise(10_000, 'old');
  const commit = hub.commit('acme/moving', { 'm.gguf': old });
  assert.equal((await home.json(['model', 'download', 'hf:acme/moving'])).commit, commit);
  const newer = hub.commit('acme/moving', { 'm.gguf': ggufNoise(10_000, 'new') });
  assert.equal((await home.json(['model', 'download', 'hf:acme/moving'])).commit, commit);
  assert.equal((await home.json(['model', 'download', `hf:acme/moving@${commit}`])).files[0].sha256, sha256(old));
  const updated = await home.json(['model', 'download', 'hf:acme/moving', '--update']);
  assert.equal(updated.commit, newer);
  assert.deepEqual(readFileSync(updated.path), ggufNoise(10_000, 'new'));
});

test('a download interrupted by a killed hive resumes where it stopped', async () => {
  const large = ggufNoise(12_000_000, 'large');
  hub.commit('acme/large', { 'm.gguf': large });
  hub.manners.slowMs = 60;
  const download = home.start(['model', 'download', 'hf:acme/large']);
  const part = join(store(), 'parts', `${sha256(large)}.part`);
  await until(() => existsSync(part) && statSync(part).size > 500_000, { what: 'half a download' });
  kill(Number(readFileSync(home.paths.hivePid, 'utf8')));
  const [code] = await once(download, 'close');
  assert.notEqual(code, 0);
  const { size } = statSync(part);
  assert.ok(size < large.length, 'it was not complete yet');
  hub.manners.slowMs = 0;
  const again = await until(async () => {
    const run = await home.rbee(['model', 'download', 'hf:acme/large', '--json']);
    return run.code === 0 && JSON.parse(run.stdout);
  });
  assert.deepEqual(readFileSync(again.path), large);
  assert.equal(cdn(large).length, 2, cdn(large).join('\n'));
  assert.match(cdn(large)[1] ?? '', new RegExp(` bytes=${size}-$`));
});

test('Ctrl-C stops a download and keeps what has arrived', async () => {
  const large = ggufNoise(12_000_000, 'interrupted');
  hub.commit('acme/interrupted', { 'm.gguf': large });
  hub.manners.slowMs = 60;
  const download = home.start(['model', 'download', 'hf:acme/interrupted']);
  const part = join(store(), 'parts', `${sha256(large)}.part`);
  await until(() => existsSync(part) && statSync(part).size > 200_000, { what: 'a part' });
  assert.equal((await errorOf('model', 'delete', 'hf:acme/interrupted')).code, 'MODEL_BUSY');
  download.kill('SIGINT');
  assert.equal((await once(download, 'close'))[0], 130);
  const listed = (await home.json(['model', 'list'])).models.find(
    ({ model }: { model: string }) => model === 'hf:acme/interrupted',
  );
  assert.deepEqual([listed.complete, listed.wantedBytes, listed.path], [false, large.length, null]);
  assert.ok(statSync(part).size < large.length);
  hub.manners.slowMs = 0;
  assert.deepEqual(readFileSync((await home.json(['model', 'download', 'hf:acme/interrupted'])).path), large);
  assert.match(cdn(large)[1] ?? '', / bytes=\d+-$/);
  assert.deepEqual(parts(), []);
});

test('a stopped download is listed as incomplete, and removed by delete or, after a week, by gc', {
  skip: atFullScale,
}, async () => {
  const large = ggufNoise(12_000_000, 'dropped');
  hub.commit('acme/dropped', { 'm.gguf': large });
  const begin = async () => {
    hub.manners.slowMs = 60;
    const download = home.start(['model', 'download', 'hf:acme/dropped']);
    const part = join(store(), 'parts', `${sha256(large)}.part`);
    await until(() => existsSync(part) && statSync(part).size > 100_000, { what: 'a part' });
    const [, row = ''] = /^dropped +(.*)$/m.exec((await home.rbee(['model', 'list'])).stdout) ?? [];
    assert.match(row, /^downloading, .+ of 11\.4 MiB/);
    download.kill('SIGINT');
    await once(download, 'close');
    return part;
  };
  const rows = async () =>
    (await home.json(['model', 'list'])).models.filter(({ model }: { model: string }) => model === 'hf:acme/dropped');
  const part = await begin();
  const [row] = await rows();
  assert.deepEqual([row.complete, row.downloading, row.begunBytes], [false, false, statSync(part).size]);
  const listed = (await home.rbee(['model', 'list'])).stdout;
  assert.match(listed, /^dropped +incomplete, .+ of 11\.4 MiB/m);
  assert.match(listed, /rbee model download hf:acme\/dropped; to delete it: rbee model delete hf:acme\/dropped/);
  assert.match(
    (await home.rbee(['model', 'get', 'dropped'])).stdout,
    /state +incomplete, .*or delete it with: rbee model delete/,
  );
  await home.json(['model', 'delete', 'dropped']);
  assert.deepEqual([await rows(), existsSync(part)], [[], false]);

  await begin();
  assert.equal((await rows()).length, 1);
  await home.json(['model', 'gc']);
  assert.equal((await rows()).length, 1, 'it may still be resumed');
  const old = new Date(Date.now() - 8 * 86_400_000);
  utimesSync(part, old, old);
  const manifests = join(store(), 'manifests');
  for (const name of readdirSync(manifests).filter((one) => one.endsWith('.json')))
    utimesSync(join(manifests, name), old, old);
  const { removed } = await home.json(['model', 'gc']);
  assert.deepEqual(
    removed.map(({ path }: { path: string }) => path),
    ['hf:acme/dropped', `parts/${basename(part)}`],
  );
  assert.deepEqual([await rows(), existsSync(part)], [[], false]);
  assert.ok((await home.json(['model', 'get', 'hf:acme/Tiny-GGUF'])).complete, 'a complete model stays, however old');
});

test('a secret in a URL appears in no file, list or error', async () => {
  const commit = hub.commit('acme/signed', { 'signed.gguf': ggufNoise(4_000, 'signed') });
  const address = `${hub.url}/acme/signed/resolve/${commit}/signed.gguf`;
  const said: string[] = [];
  const say = async (...args: string[]) => {
    const run = await home.rbee(args);
    said.push(run.stdout, run.stderr);
    return run;
  };
  assert.equal((await say('model', 'download', `${address}?X-Sig=s3cret`)).code, 0);
  const spawn = ['worker', 'spawn', '--type', 'fake', '--id', 'signed-1', '--model', `${address}?X-Sig=s3cret`];
  assert.equal((await say(...spawn)).code, 0, said.join(''));
  await say('infer', '-m', `${address}none?X-Sig=s3cret`, 'Hello');
  await say('model', 'download', `https://me:s3cret@example.com/m.gguf`);
  await say('model', 'get', `${address}none?X-Sig=s3cret`);
  for (const list of [
    ['model', 'list'],
    ['job', 'list'],
    ['worker', 'get', 'signed-1'],
  ])
    await say(...list, '--json');
  assert.ok(
    hub.requests.some((request) => request.includes('X-Sig=s3cret')),
    'the signature was sent',
  );
  assert.match(said.join(''), /signed\.gguf/);
  assert.doesNotMatch(said.join(''), /s3cret/);
  await home.json(['worker', 'delete', 'signed-1', '--now']);
  for (const entry of readdirSync(home.folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile()) assert.doesNotMatch(readFileSync(file, 'latin1'), /s3cret/, file);
  }
});

test('two spawns that need the same model share one download', { skip: atFullScale }, async () => {
  const shared = ggufNoise(2_000_000, 'shared');
  hub.commit('acme/shared', { 'm.gguf': shared });
  hub.manners.slowMs = 20;
  const spawn = () => home.json(['worker', 'spawn', '--type', 'fake', '--model', 'hf:acme/shared']);
  const workers = await Promise.all([spawn(), spawn()]);
  assert.equal(cdn(shared).length, 1, cdn(shared).join('\n'));
  for (const { id } of workers) await home.json(['worker', 'delete', id, '--now']);
});

test('a file that two models share is fetched and stored once, and kept while one of them exists', {
  skip: atFullScale,
}, async () => {
  const same = ggufNoise(100_000, 'same');
  hub.commit('acme/one', { 'a.gguf': same });
  hub.commit('other/two', { 'b.gguf': same });
  const one = await home.json(['model', 'download', 'hf:acme/one']);
  const two = await home.json(['model', 'download', 'hf:other/two']);
  assert.equal(cdn(same).length, 1);
  assert.equal(blobs().filter((name) => name === sha256(same)).length, 1);
  assert.equal(statSync(one.path).ino, statSync(two.path).ino, 'both names are links to one content');
  await home.json(['model', 'delete', 'hf:acme/one']);
  assert.ok(!existsSync(one.path));
  assert.deepEqual(readFileSync(two.path), same);
  await home.json(['model', 'delete', 'two']);
  assert.ok(!blobs().includes(sha256(same)));
});

test('a gated model needs a token, which may be added while the hive runs', { skip: atFullScale }, async () => {
  hub.commit('acme/gated', { 'm.gguf': ggufNoise(5_000, 'gated') }, { tokens: ['hf_good'] });
  const refused = await errorOf('model', 'download', 'hf:acme/gated');
  assert.equal(refused.code, 'MODEL_UNAUTHORIZED');
  assert.match(refused.hint, /accept its terms at http.*acme\/gated; .*hf auth login/);
  mkdirSync(home.env['HF_HOME'] ?? '');
  writeFileSync(join(home.env['HF_HOME'] ?? '', 'token'), 'hf_good\n');
  assert.ok((await home.json(['model', 'download', 'hf:acme/gated'])).complete);
  rmSync(home.env['HF_HOME'] ?? '', { recursive: true });
});

test('all parts of a split model are in one folder under their own names', { skip: atFullScale }, async () => {
  const names = ['big-Q8_0-00001-of-00002.gguf', 'big-Q8_0-00002-of-00002.gguf'];
  hub.commit('acme/split', Object.fromEntries(names.map((name) => [`Q8_0/${name}`, ggufNoise(20_000, name)])));
  const model = await home.json(['model', 'download', 'hf:acme/split:Q8_0']);
  assert.equal(basename(model.path), names[0]);
  assert.deepEqual(readdirSync(join(model.path, '..')).sort(), names);
  assert.equal(model.bytes, 40_000);
});

test('components are downloaded like the model itself, and the type selects its files', {
  skip: atFullScale,
}, async () => {
  hub.commit('acme/image', {
    'config.json': '{}',
    'unet-small.onnx': ggufNoise(3_000, 'small'),
    'unet-large.onnx': ggufNoise(9_000, 'large'),
    'vae.safetensors': Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]),
    'text-Q4_0.gguf': ggufNoise(2_000, 'text'),
  });
  const spawn = ['worker', 'spawn', '--type', 'parts', '--model', 'hf:acme/image'];
  const missing = await errorOf(...spawn);
  assert.deepEqual([missing.code, missing.exit], ['MODEL_COMPONENT_MISSING', 2]);
  assert.match(missing.message, /text: the encoder of texts/);
  const unknown = await errorOf(...spawn, '--component', 'vea=hf:acme/image');
  assert.equal(unknown.code, 'MODEL_COMPONENT_UNKNOWN');
  assert.match(`${unknown.message} ${unknown.hint}`, /did you mean vae\?.*vae, text/);
  const given = ['--component', 'text=hf:acme/image:text-Q4_0.gguf', '--component', 'vae=hf:acme/image'];
  const wrong = await errorOf(...spawn, ...given.slice(0, 2), '--component', 'vae=hf:acme/image:text-Q4_0.gguf');
  assert.deepEqual(
    [wrong.code, /it is gguf.*safetensors/s.test(`${wrong.message} ${wrong.hint}`)],
    ['MODEL_FORMAT_UNSUPPORTED', true],
  );
  const { id } = await home.json([...spawn, ...given, '--id', 'image-1']);
  const { models, binary } = draftOf(id);
  assert.equal(binary.id, 'fake-onnx-dir', 'the format is known only after the download');
  assert.deepEqual(Object.keys(models).sort(), ['main', 'text', 'vae']);
  assert.deepEqual(readdirSync(models.main).sort(), ['config.json', 'unet-small.onnx', 'vae.safetensors']);
  assert.equal(basename(models.vae), 'vae.safetensors');
  assert.equal(basename(models.text), 'text-Q4_0.gguf');
  assert.equal((await errorOf('model', 'delete', 'hf:acme/image:text-Q4_0.gguf')).code, 'MODEL_IN_USE');
  await home.json([...spawn, ...given, '--option', 'size=large', '--name', 'large', '--id', 'image-2']);
  assert.ok(readdirSync(models.main).includes('unet-large.onnx'), 'other options add what they need');
  for (const worker of ['image-1', 'image-2']) await home.json(['worker', 'delete', worker, '--now']);
});

test('damage is found, and repaired by the next download', async () => {
  const data = ggufNoise(30_000, 'verified');
  hub.commit('acme/verified', { 'm.gguf': data });
  const { path } = await home.json(['model', 'download', 'hf:acme/verified']);
  const fine = await home.json(['model', 'verify', 'hf:acme/verified']);
  assert.deepEqual(fine.models[0].problems, []);
  chmodSync(path, 0o600);
  writeFileSync(path, Buffer.concat([data.subarray(0, 29_999), Buffer.from('!')]));
  const run = await home.rbee(['model', 'verify', 'hf:acme/verified']);
  assert.equal(run.code, 1);
  assert.match(
    run.stdout,
    /damaged hf:acme\/verified; repair it with: rbee model download[\s\S]*m\.gguf: its SHA-256 is/,
  );
  assert.deepEqual(readFileSync((await home.json(['model', 'download', 'hf:acme/verified'])).path), data);
  assert.equal((await home.rbee(['model', 'verify'])).code, 0);
});

test('gc removes only files that no model needs', { skip: atFullScale }, async () => {
  const old = new Date(Date.now() - 8 * 86_400_000);
  const stray = join(store(), 'blobs', 'f'.repeat(64));
  const given = join(store(), 'parts', `${'e'.repeat(64)}.part`);
  const recent = join(store(), 'parts', `${'d'.repeat(64)}.part`);
  for (const path of [stray, given, recent]) writeFileSync(path, 'x');
  for (const path of [stray, given]) utimesSync(path, old, old);
  const before = blobs();
  const look = await home.json(['model', 'gc', '--dry-run']);
  assert.ok(existsSync(stray) && existsSync(given));
  const done = await home.json(['model', 'gc']);
  assert.deepEqual(look, done);
  assert.ok(!existsSync(stray) && !existsSync(given) && existsSync(recent));
  assert.deepEqual(
    blobs(),
    before.filter(
      (name) =>
        name !== basename(stray) && !done.removed.some(({ path }: { path: string }) => path === `blobs/${name}`),
    ),
  );
  for (const { complete, path } of (await home.json(['model', 'list'])).models)
    assert.ok(!complete || existsSync(path), path);
  assert.equal((await home.json(['model', 'gc'])).removed.length, 0);
  rmSync(recent);
});

test("a user's file is listed, but never copied or deleted", async () => {
  const own = join(home.folder, 'own.gguf');
  writeFileSync(own, demo);
  const before = blobs();
  const added = await home.json(['model', 'download', './own.gguf']);
  assert.deepEqual(
    [added.model, added.source, added.path, added.gguf.architecture],
    [`file:${own}`, 'file', own, 'llama'],
  );
  assert.deepEqual(blobs(), before);
  const forgot = await home.rbee(['model', 'delete', 'own']);
  assert.match(forgot.stdout, /its files were kept/);
  assert.ok(existsSync(own));
  assert.equal((await errorOf('model', 'get', 'own')).code, 'MODEL_NOT_DOWNLOADED');
});

test('a file of any server can be downloaded, and is verified against its checksum', {
  skip: atFullScale,
}, async () => {
  const commit = hub.commit('acme/plain', { 'p.gguf': demo });
  const address = `${hub.url}/acme/plain/resolve/${commit}/p.gguf`;
  const wrong = await errorOf('model', 'download', `${address}#sha256=${'0'.repeat(64)}`);
  assert.equal(wrong.code, 'MODEL_CHECKSUM_MISMATCH');
  const model = await home.json(['model', 'download', `${address}#sha256=${sha256(demo)}`]);
  assert.deepEqual([model.source, model.name, model.files[0].sha256], ['https', 'p', sha256(demo)]);
});

test('mistyped names get suggestions', async () => {
  const bare = await errorOf('model', 'download', 'acme/Tiny-GGUF');
  assert.deepEqual([bare.code, bare.exit], ['MODEL_REFERENCE_INVALID', 2]);
  assert.match(bare.message, /did you mean hf:acme\/Tiny-GGUF\?/);
  assert.match((await errorOf('model', 'get', 'hf:acme/Tinny-GGUF')).message, /did you mean hf:acme\/Tiny-GGUF\?/);
  assert.match((await errorOf('model', 'download', 'hf:acme/Tiny-GGUF:Q4_K_S')).message, /did you mean Q4_K_M\?/);
  assert.match((await errorOf('model', 'download', 'hf:acme/Tiny-GGUF', '--type', 'fakee')).message, /fake/);
  const outside = await errorOf('model', 'get', 'hf:acme/../../etc');
  assert.equal(outside.code, 'MODEL_REFERENCE_INVALID');
  assert.equal(
    (await errorOf('worker', 'spawn', '--type', 'fake', '--model', 'hf:acme/none')).code,
    'MODEL_UNAUTHORIZED',
  );
});

test('without the hub, every local model still works', async () => {
  await hub.close();
  const run = await home.rbee(['worker', 'start', 'tiny-1']);
  assert.equal(run.code, 0, run.stderr);
  assert.match((await home.rbee(['infer', '-m', 'tiny', 'Hello'])).stdout, /\w/);
  const other = await errorOf('model', 'download', 'hf:acme/Tiny-GGUF:Q8_0');
  assert.equal(other.code, 'MODEL_HUB_UNREACHABLE');
  await home.json(['worker', 'delete', 'tiny-1', '--now']);
  assert.equal((await home.rbee(['model', 'delete', 'hf:acme/Tiny-GGUF'])).code, 0);
});
