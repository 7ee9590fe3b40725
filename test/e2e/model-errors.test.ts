/** Failures between a hive and a hub, each with its own error: the real library against a stand-in. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { Narrate } from '../../core/contract/api/narration.ts';
import { RbeeError } from '../../core/contract/errors.ts';
import { parseModelReference } from '../../core/contract/model-reference.ts';
import { GgufHeaders } from '../../core/hive/models/gguf/gguf-headers.ts';
import { type EnsureOptions, ModelInstaller } from '../../core/hive/models/model-installer.ts';
import type { RemoteReference } from '../../core/hive/models/plan-model.ts';
import { ModelStore } from '../../core/hive/models/store.ts';
import { ggufNoise, type Hub, sha256, startHub } from '../harness/hub.ts';
import { until } from '../harness/until.ts';

const headersIn = (folder: string) => new GgufHeaders({ folder: join(folder, 'gguf-headers') });

const retry = { idleTimeoutMs: 20_000, maxAttempts: 3, backoffMs: 5 };
const weights = ggufNoise(300_000);

let hub: Hub;
let folder: string;
let env: NodeJS.ProcessEnv;
before(async () => {
  hub = await startHub();
});
after(() => hub.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rbee-models-'));
  env = { HF_ENDPOINT: hub.url, HOME: folder };
  hub.repositories.clear();
  hub.requests.length = 0;
  hub.commit('acme/tiny', { 'README.md': '# tiny', 'tiny.gguf': weights });
});
afterEach(() => {
  hub.manners.statuses = [];
  for (const manner of ['cutAfter', 'stallAfter', 'slowMs'] as const) delete hub.manners[manner];
  rmSync(folder, { recursive: true, force: true });
});

const ensure = (
  text: string,
  options: EnsureOptions = {},
  {
    signal = new AbortController().signal,
    retry: own = retry,
    narrate = () => {},
  }: { signal?: AbortSignal; retry?: typeof retry; narrate?: Narrate } = {},
) => {
  const ensurer = new ModelInstaller({
    hive: 'local',
    store: new ModelStore(folder),
    env,
    retry: own,
    headers: headersIn(folder),
  });
  return ensurer.ensure(parseModelReference(text) as RemoteReference, options, { narrate, signal });
};
const refused =
  (code: string, text = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof RbeeError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(`${error.message} | ${error.hint}`, text);
    return true;
  };
const parts = () => {
  const there = join(folder, 'models/parts');
  return existsSync(there) ? readdirSync(there).filter((name) => name.endsWith('.part')) : [];
};
const blobs = () => readdirSync(join(folder, 'models/blobs'));

describe('a repository', () => {
  it("that requires a token says where to get one, and accepts it from the variable or the hub's token file", async () => {
    hub.commit('acme/gated', { 'm.gguf': weights }, { tokens: ['hf_good'] });
    await assert.rejects(
      ensure('hf:acme/gated'),
      refused('MODEL_UNAUTHORIZED', /terms.*acme\/gated.*hf auth login.*HF_TOKEN/),
    );
    env['HF_TOKEN'] = 'hf_other';
    await assert.rejects(ensure('hf:acme/gated'), refused('MODEL_FORBIDDEN', /request access at .*acme\/gated/));
    env['HF_TOKEN'] = 'hf_good';
    assert.ok((await ensure('hf:acme/gated')).changed);
    delete env['HF_TOKEN'];
    env['HF_HOME'] = join(folder, 'home');
    mkdirSync(env['HF_HOME']);
    writeFileSync(join(env['HF_HOME'], 'token'), 'hf_good\n');
    assert.ok((await ensure('hf:acme/gated@main')).manifest.commit);
  });

  it('that is missing, or lacks a revision or file, is reported as such', async () => {
    await assert.rejects(ensure('hf:acme/none'), refused('MODEL_UNAUTHORIZED', /does not exist/));
    env['HF_TOKEN'] = 'hf_any';
    await assert.rejects(ensure('hf:acme/none'), refused('MODEL_REPOSITORY_NOT_FOUND', /no such repository/));
    await assert.rejects(ensure('hf:acme/tiny@v9'), refused('MODEL_REPOSITORY_NOT_FOUND', /no such revision/));
    await assert.rejects(
      ensure('hf:acme/tiny:tinny.gguf'),
      refused('MODEL_FILE_NOT_IN_REPOSITORY', /did you mean tiny\.gguf/),
    );
    assert.deepEqual(await new ModelStore(folder).list(), [], 'nothing is kept of a missing model');
  });

  it('with file names that lead out of the folder has them left out', async () => {
    const commit = hub.commit('acme/evil', {
      'm.gguf': weights,
      '../../out': 'x',
      '/etc/x': 'x',
      'a/../../y': 'x',
      'b\\c': 'x',
    });
    const { manifest } = await ensure('hf:acme/evil');
    assert.equal(manifest.commit, commit);
    assert.deepEqual(
      manifest.files.map(({ path }) => path),
      ['m.gguf'],
    );
    assert.ok(!existsSync(join(folder, '../out')));
  });

  it('with many pages is read to the end', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `part-${String(index + 1).padStart(5, '0')}-of-00012.gguf`);
    hub.commit('acme/big', Object.fromEntries(names.map((name) => [name, ggufNoise(1_000, name)])));
    const { path, manifest } = await ensure('hf:acme/big');
    const tree = join(path, '..');
    assert.deepEqual(readdirSync(tree).sort(), names);
    assert.equal(manifest.files.filter(({ blob }) => blob !== null).length, 12);
  });
});

describe('a hub', () => {
  it('that fails once is asked again', async () => {
    hub.manners.statuses = [503, 500];
    assert.ok((await ensure('hf:acme/tiny')).changed);
    assert.equal(hub.manners.statuses.length, 0);
  });

  it('that fails repeatedly is named', async () => {
    hub.manners.statuses = [503, 503, 503];
    await assert.rejects(
      ensure('hf:acme/tiny'),
      refused('MODEL_HUB_FAILED', /127\.0\.0\.1:\d+ answers 503.*try again later/),
    );
  });

  it('that cannot be reached is distinguished from one that answers', async () => {
    env['HF_ENDPOINT'] = 'http://127.0.0.1:1';
    await assert.rejects(ensure('hf:acme/tiny'), refused('MODEL_HUB_UNREACHABLE', /ECONNREFUSED.*HTTPS_PROXY/));
    env['HF_ENDPOINT'] = 'not an address';
    await assert.rejects(ensure('hf:acme/tiny'), refused('INVALID_INPUT', /HF_ENDPOINT/));
  });

  it('that answers nonsense is rejected at the listing', async () => {
    const server = createServer((_, response) => void response.end('<html>')).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    env['HF_ENDPOINT'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await assert.rejects(ensure('hf:acme/tiny'), refused('MODEL_HUB_FAILED', /sent an unusable answer/));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('is not asked when offline, nor when every file is here', async () => {
    env['HF_HUB_OFFLINE'] = '1';
    await assert.rejects(ensure('hf:acme/tiny'), refused('MODEL_OFFLINE'));
    assert.deepEqual(hub.requests, []);
    delete env['HF_HUB_OFFLINE'];
    await ensure('hf:acme/tiny');
    env['HF_HUB_OFFLINE'] = '1';
    const before = hub.requests.length;
    assert.equal((await ensure('hf:acme/tiny')).changed, false);
    assert.equal(hub.requests.length, before);
  });
});

describe('a download', () => {
  it('whose connections break resumes where each one stopped', async () => {
    const large = ggufNoise(2_000_000, 'large');
    hub.commit('acme/large', { 'm.gguf': large });
    hub.manners.cutAfter = 700_000;
    const sent = hub.sent();
    const { path } = await ensure('hf:acme/large');
    assert.deepEqual(readFileSync(path), large);
    assert.ok(
      hub.requests.some((request) => /CDN .* bytes=[1-9]\d+-$/.test(request)),
      hub.requests.join('\n'),
    );
    // Only bytes in flight when a connection breaks may be lost.
    assert.ok(hub.sent() - sent < 1.5 * large.length, `${hub.sent() - sent} bytes were sent`);
  });

  it('that breaks before any data arrives is given up after a few attempts', async () => {
    hub.manners.cutAfter = 0;
    await assert.rejects(
      ensure('hf:acme/tiny'),
      refused('MODEL_DOWNLOAD_FAILED', /tiny\.gguf .* failed 3 times.*where it stopped/),
    );
  });

  it('that stalls is given up, and keeps what has arrived', async () => {
    hub.commit('acme/slow', { 'm.gguf': ggufNoise(900_000) });
    hub.manners.stallAfter = 200_000;
    const impatient = { ...retry, idleTimeoutMs: 1_500, maxAttempts: 1 };
    await assert.rejects(
      ensure('hf:acme/slow', {}, { retry: impatient }),
      refused('MODEL_HUB_TIMEOUT', /sent nothing for 1\.5 s/),
    );
    const [part = ''] = parts();
    assert.ok(statSync(join(folder, 'models/parts', part)).size > 0);
  });

  it('that does not fit on the disk is refused before its first byte', async () => {
    hub.commit('acme/huge', { 'm.gguf': { data: weights, large: true, claims: { bytes: 2 ** 52 } } });
    await assert.rejects(ensure('hf:acme/huge'), refused('NO_SPACE', /PiB/));
    assert.ok(!hub.requests.some((request) => request.includes('resolve')), hub.requests.join('\n'));
  });

  it('of a file other than the promised one is refused and removed', async () => {
    hub.commit('acme/wrong', { 'm.gguf': { data: weights, large: true, claims: { sha256: '0'.repeat(64) } } });
    await assert.rejects(
      ensure('hf:acme/wrong'),
      refused('MODEL_CHECKSUM_MISMATCH', /m\.gguf of hf:acme\/wrong .*0000.*the file was discarded/),
    );
    hub.commit('acme/short', { 'm.gguf': { data: weights, large: true, claims: { bytes: weights.length - 5 } } });
    await assert.rejects(ensure('hf:acme/short'), refused('MODEL_CHECKSUM_MISMATCH', /bytes/));
    hub.commit('acme/small', { 'm.gguf': { data: Buffer.from('GGUF of git'), claims: { git: 'a'.repeat(40) } } });
    await assert.rejects(ensure('hf:acme/small'), refused('MODEL_CHECKSUM_MISMATCH', /git object/));
    assert.deepEqual(parts(), []);
    assert.deepEqual(blobs(), []);
  });

  it('whose partial file belongs to an older version starts over', async () => {
    hub.manners.cutAfter = 65_536;
    const stop = new AbortController();
    const first = ensure('hf:acme/tiny', {}, { signal: stop.signal });
    hub.manners.slowMs = 50;
    const part = await until(() => {
      const [name] = parts();
      const path = name === undefined ? undefined : join(folder, 'models/parts', name);
      return path !== undefined && statSync(path).size > 0 && path;
    });
    stop.abort(new Error('enough'));
    await assert.rejects(first, /enough/);
    const size = statSync(part).size;
    truncateSync(part, 0);
    writeFileSync(part, Buffer.alloc(size));
    for (const manner of ['cutAfter', 'slowMs'] as const) delete hub.manners[manner];
    assert.deepEqual(readFileSync((await ensure('hf:acme/tiny')).path), weights);
  });

  it('with a false size is refused, whether too large or too small, and one without a size is accepted', async () => {
    const claim = (bytes: unknown) =>
      hub.commit('acme/lie', { 'm.gguf': { data: weights, large: true, claims: { bytes } } });
    for (const absurd of [-1, 0.5, '12', 2 ** 60, {}]) {
      claim(absurd);
      await assert.rejects(ensure('hf:acme/lie'), refused('MODEL_HUB_FAILED', /reports the size \S+ for m\.gguf/));
    }
    for (const wrong of [0, weights.length - 5, weights.length + 5]) {
      claim(wrong);
      await assert.rejects(
        ensure('hf:acme/lie'),
        refused('MODEL_CHECKSUM_MISMATCH', new RegExp(`${weights.length} bytes, not ${wrong} bytes`)),
      );
    }
    assert.deepEqual([parts(), await new ModelStore(folder).list()], [[], []]);
    claim(undefined);
    assert.deepEqual(readFileSync((await ensure('hf:acme/lie')).path), weights);
  });

  it('is not written through a link in its place, nor into something that is not a file', async () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'mine');
    mkdirSync(join(folder, 'models/parts'), { recursive: true });
    const part = join(folder, 'models/parts', `${sha256(weights)}.part`);
    const put = [
      () => symlinkSync(victim, part),
      () => linkSync(victim, part),
      () => symlinkSync(join(folder, 'nowhere'), part),
      () => execFileSync('mkfifo', [part]),
    ];
    for (const [index, lay] of put.entries()) {
      lay();
      hub.commit(`acme/link-${index}`, { 'm.gguf': weights });
      const { path } = await ensure(`hf:acme/link-${index}`);
      assert.deepEqual([readFileSync(path), lstatSync(path).isFile()], [weights, true]);
      assert.deepEqual([readFileSync(victim, 'utf8'), existsSync(join(folder, 'nowhere'))], ['mine', false]);
      rmSync(join(folder, 'models/blobs'), { recursive: true });
    }
  });

  it('of content that contradicts its name is aborted at its first bytes, and nothing is kept', async () => {
    const page = Buffer.from(`<!DOCTYPE html><html>Please sign in${' '.repeat(20_000_000)}</html>`);
    const commit = hub.commit('acme/pages', {
      'm.gguf': page,
      'n.gguf': Buffer.from('{"error":"not found"}'),
      'o.safetensors': Buffer.from('version https://git-lfs.github.com/spec/v1'),
      'notes.txt': 'hello',
      'README.md': '<p>fine</p>',
    });
    const before = hub.sent();
    await assert.rejects(ensure('hf:acme/pages:m.gguf'), refused('MODEL_CONTENT_INVALID', /web page.*sign-in page/));
    const address = (name: string) => `${hub.url}/acme/pages/resolve/${commit}/${name}`;
    await assert.rejects(
      ensure(address('m.gguf')),
      refused('MODEL_CONTENT_INVALID', /it is a web page.*open http.*m\.gguf in a browser/),
    );
    assert.ok(hub.sent() - before < 2 * page.length, 'it was read to its end');
    await assert.rejects(ensure(address('n.gguf')), refused('MODEL_CONTENT_INVALID', /it is JSON/));
    await assert.rejects(ensure('hf:acme/pages:o.safetensors'), refused('MODEL_CONTENT_INVALID', /Git LFS pointer/));
    await assert.rejects(
      ensure(address('notes.txt')),
      refused('MODEL_CONTENT_INVALID', /not a model in a known format/),
    );
    assert.deepEqual([parts(), await new ModelStore(folder).list()], [[], []]);
    // A worker type may load formats that rbee does not know.
    assert.ok((await ensure(address('notes.txt'), { formats: ['notes'] })).changed);
    assert.ok((await ensure('hf:acme/pages:README.md')).changed);
  });

  it('from a URL resumes under a new signature, and stores no signature', async () => {
    const large = ggufNoise(900_000, 'signed');
    const signatures = new Set(['first-s3cret']);
    const ranges: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
      if (pathname === '/missing.gguf') return void response.writeHead(404).end();
      if (!signatures.has(searchParams.get('sig') ?? '')) return void response.writeHead(403).end();
      ranges.push(request.headers.range);
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const length = large.length;
      const partial = { 'content-range': `bytes ${from}-${length - 1}/${length}` };
      response.writeHead(from > 0 ? 206 : 200, {
        etag: '"one"',
        'content-length': length - from,
        ...(from > 0 && partial),
      });
      if (ranges.length > 1) return void response.end(large.subarray(from));
      response.write(large.subarray(0, 300_000), () => response.destroy());
      signatures.delete('first-s3cret');
    }).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/m.gguf`;
    try {
      await assert.rejects(ensure(`${address}?sig=first-s3cret`), (error: unknown) => {
        refused('MODEL_URL_REFUSED', /signed URL.*new one/)(error);
        assert.doesNotMatch(JSON.stringify(error), /s3cret/);
        return true;
      });
      assert.equal(parts().length, 1, 'what has come is kept');
      signatures.add('other-s3cret');
      const told: unknown[] = [];
      const { path, manifest } = await ensure(
        `${address}?sig=other-s3cret`,
        {},
        { narrate: (event) => told.push(event) },
      );
      assert.deepEqual(readFileSync(path), large);
      assert.match(ranges[1] ?? '', /^bytes=[1-9]\d*-$/);
      assert.equal(manifest.reference, address);
      assert.equal((await ensure(`${address}?sig=third`)).changed, false, 'the model is the same');
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const file = join(entry.parentPath, entry.name);
        if (entry.isFile()) assert.doesNotMatch(readFileSync(file, 'latin1'), /s3cret|sig=/, file);
      }
      assert.doesNotMatch(JSON.stringify(told), /s3cret/);
      await assert.rejects(
        ensure(`${address.replace('/m.', '/missing.')}?sig=x`),
        refused('MODEL_REPOSITORY_NOT_FOUND'),
      );
      assert.equal((await new ModelStore(folder).list()).length, 1, 'nothing is kept of a missing file');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('from a URL is pinned to its checksum, given or computed', async () => {
    const commit = [...(hub.repositories.get('acme/tiny')?.commits.keys() ?? [])][0];
    const address = `${hub.url}/acme/tiny/resolve/${commit}/tiny.gguf`;
    const { path, manifest } = await ensure(address);
    assert.deepEqual(readFileSync(path), weights);
    assert.equal(manifest.files[0]?.blob, sha256(weights));
    assert.ok((await ensure(`${address}#sha256=${sha256(weights)}`)).changed);
    await assert.rejects(ensure(`${address}#sha256=${'1'.repeat(64)}`), refused('MODEL_CHECKSUM_MISMATCH'));
    await assert.rejects(
      ensure(`${hub.url}/acme/tiny/resolve/${commit}/none.gguf`),
      refused('MODEL_REPOSITORY_NOT_FOUND'),
    );
  });

  it('that two callers request at once happens once, and goes on when one of them leaves', async () => {
    const ensurer = new ModelInstaller({
      hive: 'local',
      store: new ModelStore(folder),
      env,
      retry,
      headers: headersIn(folder),
    });
    // Slow until both have seen progress: on a busy machine the download would finish before that.
    hub.manners.slowMs = 1_000;
    const leaving = new AbortController();
    const reference = parseModelReference('hf:acme/tiny') as RemoteReference;
    const told: [Set<string>, Set<string>] = [new Set(), new Set()];
    const [first, second] = [leaving.signal, new AbortController().signal].map((signal, index) =>
      ensurer.ensure(reference, {}, { narrate: ({ kind }) => told[index]?.add(kind), signal }),
    );
    await until(() => parts().length > 0 && told.every((kinds) => kinds.has('progress')));
    leaving.abort(new Error('left'));
    hub.manners.slowMs = 0;
    await assert.rejects(first as Promise<unknown>, /left/);
    assert.ok((await second)?.changed);
    assert.equal(hub.requests.filter((request) => request.startsWith('CDN')).length, 1, hub.requests.join('\n'));
  });
});
