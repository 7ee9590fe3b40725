import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { RbeeError } from '../contract/errors.ts';
import { tempFolder, undoAfter } from '../lifecycle/process/testing.ts';
import { downloadCache, type FetchOptions } from './download-cache.ts';
import { type FileServer, fileServer, noise, type ServedFile, sha256Of } from './testing-server.ts';

const retry = { idleTimeoutMs: 5_000, maxAttempts: 4, backoffMs: 1 };
const data = noise(1_000_000);
const sha256 = sha256Of(data);

interface Setting {
  server: FileServer;
  to: string;
  fetch: (
    more?: Partial<FetchOptions> & {
      path?: string;
      env?: NodeJS.ProcessEnv;
      idleTimeoutMs?: number;
      maxAttempts?: number;
    },
  ) => Promise<string>;
  /** The contents of the cache, without locks. */
  cached: () => Promise<string[]>;
}

const setting = async (t: TestContext, file: Partial<ServedFile> = {}): Promise<Setting> => {
  const [server, to] = [await fileServer(t), await tempFolder(t)];
  server.files.set('/file', { data, ...file });
  const { signal } = new AbortController();
  return {
    server,
    to,
    fetch: ({
      path = '/file',
      env = {},
      idleTimeoutMs = retry.idleTimeoutMs,
      maxAttempts = retry.maxAttempts,
      ...more
    } = {}) =>
      downloadCache(env, { ...retry, idleTimeoutMs, maxAttempts }).fetch(server.url + path, {
        to,
        sha256,
        signal,
        ...more,
      }),
    cached: async () => (await readdir(to)).filter((name) => !name.endsWith('.lock')).sort(),
  };
};

const code =
  (expected: string, message = /./) =>
  (error: unknown) => {
    assert.equal((error as RbeeError).code, expected, String(error));
    assert.match((error as RbeeError).message, message);
    return true;
  };

test('a file is cached under its checksum and downloaded once, with progress to the end', async (t) => {
  const { server, fetch, to, cached } = await setting(t);
  const seen: [number, number | undefined][] = [];
  const path = await fetch({ onProgress: (done, total) => seen.push([done, total]) });
  assert.equal(path, join(to, sha256));
  assert.deepEqual(await readFile(path), data);
  assert.deepEqual(seen.at(-1), [data.length, data.length]);
  await fetch();
  assert.equal(server.requests.length, 1);
  assert.deepEqual(await cached(), [sha256]);
});

test('a download resumes where the connection broke, repeatedly', async (t) => {
  const { server, fetch } = await setting(t, { cutAfter: 150_000 });
  assert.deepEqual(await readFile(await fetch()), data);
  const [first, ...later] = server.requests;
  assert.equal(first, 'GET /file');
  assert.ok(later.length > 0 && later.every((request) => /bytes=[1-9]\d*-/.test(request)), later.join());
});

test('a part of an earlier run is resumed, whether or not its origin is known', async (t) => {
  const { server, fetch, to } = await setting(t);
  await writeFile(join(to, `${sha256}.part`), data.subarray(0, 400_000));
  assert.deepEqual(await readFile(await fetch()), data);
  assert.deepEqual(server.requests, ['GET /file bytes=400000-']);
});

test('a part that is already complete is used', async (t) => {
  const { server, fetch, to } = await setting(t);
  await writeFile(join(to, `${sha256}.part`), data);
  assert.deepEqual(await readFile(await fetch()), data);
  assert.deepEqual(server.requests, []);
});

test('a part of another file is detected, and the file is downloaded again', async (t) => {
  const { server, fetch, to } = await setting(t);
  await writeFile(join(to, `${sha256}.part`), noise(400_000, 'other'));
  assert.deepEqual(await readFile(await fetch()), data);
  assert.deepEqual(server.requests, ['GET /file bytes=400000-', 'GET /file']);
});

test('a part that is longer than the file is discarded', async (t) => {
  const { fetch, to } = await setting(t);
  await writeFile(join(to, `${sha256}.part`), noise(1_500_000, 'other'));
  assert.deepEqual(await readFile(await fetch()), data);
});

test('a server without range support sends the whole file again', async (t) => {
  const { fetch, to } = await setting(t, { wholeOnly: true });
  await writeFile(join(to, `${sha256}.part`), data.subarray(0, 400_000));
  assert.deepEqual(await readFile(await fetch()), data);
});

test('a file replaced on the server during the download is not mixed with its predecessor', async (t) => {
  const { server, fetch } = await setting(t, { data: noise(900_000, 'old'), cutAfter: 300_000 });
  const replace = () => server.files.set('/file', { data });
  assert.deepEqual(await readFile(await fetch({ onProgress: (done) => done >= 300_000 && replace() })), data);
});

test('wrong bytes are refused and discarded', async (t) => {
  for (const bare of [false, true]) {
    const { fetch, cached } = await setting(t, { data: noise(500_000, 'wrong'), bare });
    await assert.rejects(fetch(), code('CHECKSUM_MISMATCH', new RegExp(`not ${sha256}`)));
    assert.deepEqual(await cached(), []);
  }
});

test('wrong bytes after a resume are refused, after one more attempt from the start', async (t) => {
  const { server, fetch, cached } = await setting(t, { data: noise(500_000, 'wrong'), cutAfter: 400_000 });
  await assert.rejects(fetch(), code('CHECKSUM_MISMATCH'));
  assert.equal(server.requests.filter((request) => request === 'GET /file').length, 2);
  assert.deepEqual(await cached(), []);
});

test('a cached file that was damaged on disk is fetched again', async (t) => {
  const { server, fetch } = await setting(t);
  await appendFile(await fetch(), 'x');
  assert.deepEqual(await readFile(await fetch()), data);
  assert.equal(server.requests.length, 2);
});

test('temporary failures are retried, others are reported immediately', async (t) => {
  const passing = await setting(t, { failures: [503, 429, 500] });
  assert.deepEqual(await readFile(await passing.fetch()), data);
  const lasting = await setting(t, { failures: [503, 503, 503, 503, 503] });
  await assert.rejects(lasting.fetch(), code('DOWNLOAD_FAILED', /the server answers 503/));
  assert.equal(lasting.server.requests.length, retry.maxAttempts);
  await assert.rejects(lasting.fetch({ path: '/missing' }), code('DOWNLOAD_FAILED', /answers 404/));
  const [{ url }, { to }] = [lasting.server, lasting];
  const nowhere = downloadCache({}, retry).fetch(`${url.replace('127.0.0.1', 'no-such-host.invalid')}/f?token=secret`, {
    to,
    sha256,
    signal: new AbortController().signal,
  });
  await assert.rejects(nowhere, (error: Error) => code('DOWNLOAD_FAILED')(error) && !error.message.includes('secret'));
});

test('a silent server times out, and the received part is kept for the next run', async (t) => {
  const { server, fetch, cached } = await setting(t, { stallAfter: 600_000 });
  const first = fetch({ idleTimeoutMs: 100 });
  assert.deepEqual(await readFile(await first), data, 'each connection brings something new');
  server.files.set('/dead', { data, stallAfter: 0 });
  const other = sha256Of(Buffer.from('other'));
  await assert.rejects(
    fetch({ path: '/dead', sha256: other, idleTimeoutMs: 50, maxAttempts: 2 }),
    code('DOWNLOAD_FAILED', /stopped sending/),
  );
  assert.deepEqual(
    (await cached()).filter((name) => !name.startsWith(other)),
    [sha256],
  );
});

test('redirects are followed, with the range; loops and other protocols are refused', async (t) => {
  const { server, fetch, to } = await setting(t);
  server.files.set('/moved', { data, redirect: '/again' });
  server.files.set('/again', { data, redirect: '/file' });
  await writeFile(join(to, `${sha256}.part`), data.subarray(0, 100));
  assert.deepEqual(await readFile(await fetch({ path: '/moved' })), data);
  assert.equal(server.requests.at(-1), 'GET /file bytes=100-');
  server.files.set('/loop', { data, redirect: '/loop' });
  const sha = sha256Of(Buffer.from('x'));
  await assert.rejects(fetch({ path: '/loop', sha256: sha }), code('DOWNLOAD_FAILED', /more than 10 times/));
  server.files.set('/file-url', { data, redirect: 'file:///etc/passwd' });
  await assert.rejects(fetch({ path: '/file-url', sha256: sha }), code('DOWNLOAD_FAILED', /redirects to "file:/));
});

test('concurrent requests for a file share one download', async (t) => {
  const { server, fetch } = await setting(t, { slowMs: 2 });
  let waited = 0;
  const paths = await Promise.all(Array.from({ length: 5 }, () => fetch({ onWait: () => waited++ })));
  assert.equal(new Set(paths).size, 1);
  assert.equal(server.requests.length, 1);
  assert.ok(waited >= 1);
});

test('a download can be aborted, and the next one resumes it', async (t) => {
  const { server, fetch } = await setting(t, { slowMs: 2 });
  const stop = new AbortController();
  const stopped = fetch({
    signal: stop.signal,
    onProgress: (done) => done > 100_000 && stop.abort(new Error('enough')),
  });
  await assert.rejects(stopped, /enough/);
  server.files.set('/file', { data });
  assert.deepEqual(await readFile(await fetch()), data);
  assert.match(server.requests.at(-1) ?? '', /bytes=\d+-/);
});

test('a file that is larger than the disk is refused before it is written', async (t) => {
  const { fetch } = await setting(t, { claims: 2 ** 52 });
  await assert.rejects(fetch(), code('NO_SPACE', /4 PiB more is needed/));
});

test('the proxy from the environment is used, except for excluded hosts', async (t) => {
  const { fetch } = await setting(t);
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(data);
  });
  proxy.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    const [host, port] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [socket, onward]) end.on('error', () => {});
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  undoAfter(t, () => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const env = { http_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  await fetch({ env });
  assert.equal(asked.length, 1);
  const other = noise(10, 'small');
  const direct = await setting(t, { data: other });
  await direct.fetch({ env: { ...env, no_proxy: '127.0.0.1' }, sha256: sha256Of(other) });
  assert.equal(asked.length, 1);
});

test('a certificate named in the environment is trusted, and https never redirects to http', async (t) => {
  const { server, to, fetch } = await setting(t);
  const [key, cert] = [join(to, 'key.pem'), join(to, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject], {
    stdio: 'pipe',
  });
  const secure = createSecureServer({ key: await readFile(key), cert: await readFile(cert) }, (request, response) => {
    if (request.url === '/down') response.writeHead(302, { location: `${server.url}/file` }).end();
    else response.end(data);
  });
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  undoAfter(t, () => {
    secure.closeAllConnections();
    secure.close();
  });
  const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}`;
  const over = (path: string, env: NodeJS.ProcessEnv) =>
    downloadCache(env, retry).fetch(url + path, { to, sha256, signal: new AbortController().signal });
  await assert.rejects(over('/file', {}), code('DOWNLOAD_FAILED', /certificate/));
  await assert.rejects(over('/down', { SSL_CERT_FILE: cert }), code('DOWNLOAD_FAILED', /redirects from https to http/));
  assert.deepEqual(await readFile(await over('/file', { SSL_CERT_FILE: cert })), data);
  assert.deepEqual(await readFile(await fetch()), data);
});

// The hash became a file name, so one with slashes could refer to any file of this machine: it was removed for having
// the wrong checksum, and a lock and a part were left next to it.
test('an invalid hash is refused before any file or network access', async (t) => {
  const { server, fetch, to } = await setting(t);
  const outside = await tempFolder(t);
  await writeFile(join(outside, 'precious.txt'), 'precious');
  for (const name of [
    `../${outside.split('/').at(-1)}/precious.txt`,
    join(outside, 'precious.txt'),
    sha256.toUpperCase(),
    `${sha256}/..`,
    `${sha256}\n`,
    sha256.slice(1),
    '..',
    '',
  ]) {
    await assert.rejects(fetch({ sha256: name }), code('PATH_REFUSED', /not a SHA-256/));
  }
  assert.deepEqual(await readdir(outside), ['precious.txt']);
  assert.equal(await readFile(join(outside, 'precious.txt'), 'utf8'), 'precious');
  assert.deepEqual([await readdir(to), server.requests], [[], []]);
});

// A link in the cache was followed: its target was read, and a lock was created next to the target.
test('links in the cache are replaced, and their targets are untouched', async (t) => {
  const { server, fetch, to, cached } = await setting(t);
  const outside = await tempFolder(t);
  await writeFile(join(outside, 'same'), data);
  const ends = ['', '.lock', '.part', '.part.json'];
  for (const end of ends) await symlink(join(outside, end === '' ? 'same' : `made${end}`), join(to, sha256 + end));
  assert.deepEqual(await readFile(await fetch()), data);
  assert.ok((await lstat(join(to, sha256))).isFile());
  assert.equal(server.requests.length, 1);
  assert.deepEqual([await readdir(outside), await cached()], [['same'], [sha256]]);
});

test('a folder with the name of a cached file is left unchanged', async (t) => {
  const { fetch, to } = await setting(t);
  await mkdir(join(to, sha256));
  await assert.rejects(fetch(), code('STATE_UNWRITABLE'));
  assert.deepEqual(await readdir(join(to, sha256)), []);
});
