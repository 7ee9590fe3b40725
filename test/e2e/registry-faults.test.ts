/**
 * `rbee plugins install` and `update` while the registry fails in every possible way: the error names the problem, and
 * nothing changes.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ErrorCode } from '../../core/contract/errors.ts';
import { packPlugin, startTinyRegistry, type TinyRegistry } from '../../core/plugins/testing/registry.ts';
import { listing } from '../harness/folder-listing.ts';
import { createHome, type TestHome } from '../harness/home.ts';
import { sampleOf } from '../harness/until.ts';

const name = '@rbee/worker-echo';
const newer = packPlugin({ version: '2.0.0' });
const evil = packPlugin({ version: '2.0.0', code: 'evil();' });

let registry: TinyRegistry;
/** Another server, to which the registry may redirect. */
let elsewhere: Server;
const askedElsewhere: (string | undefined)[] = [];
let given = evil;
let home: TestHome;
let queen: { pid: number; url: string };

before(async () => {
  registry = await startTinyRegistry();
  elsewhere = createServer((request, response) => {
    askedElsewhere.push(request.headers.authorization);
    response.end(given);
  });
  await new Promise<void>((listening) => elsewhere.listen(0, 'localhost', listening));
  home = createHome({ plugins: [], queen: `[registry]\nurl = "${registry.url}/"` });
  home.env['HOME'] = home.folder;
  bePatient(30_000);
  for (const type of ['echo', 'other']) {
    registry.offer({ name: `@rbee/worker-${type}`, version: '1.0.0', packed: packed('1.0.0', type) });
    await home.json(['plugins', 'install', type]);
  }
  await home.json(['worker', 'spawn', '--type', 'echo', '--name', 'echo']);
  queen = (await home.json(['status'])).queen;
});
after(async () => {
  await home?.close();
  await registry?.close();
  elsewhere?.closeAllConnections();
  elsewhere?.close();
});

/** How long the user lets npm and rbee wait for the registry; read again each time. */
const bePatient = (ms: number): void => {
  const token = `${registry.url.replace('http:', '')}/:_authToken=secret`;
  writeFileSync(join(home.folder, '.npmrc'), `fetch-retries=0\nfetch-timeout=${ms}\n${token}\n`);
};

const packed = (version: string, type: string): Buffer => packPlugin({ name: `@rbee/worker-${type}`, version, type });

const versionOf = async (model: string): Promise<string> => {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${queen.url}/v1/echo`, { method: 'POST', headers, body: JSON.stringify({ model }) });
  return ((await response.json()) as { version: string }).version;
};

/** The store, the index and the lock. */
const storeNow = () => [listing(home.paths.data), listing(home.paths.config)];

type Misbehaviour = Parameters<TinyRegistry['misbehave']>[0];
type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;
const always =
  (answer: Answer): Misbehaviour =>
  (request, response) => {
    response.setHeader('cache-control', 'no-store');
    answer(response, request);
    return true;
  };
/** Misbehaves only when the packed package is fetched. */
const fetching =
  (answer: Answer): Misbehaviour =>
  (request, response) =>
    request.url?.endsWith('.tgz') ? always(answer)(request, response) : false;

const status =
  (code: number, headers = {}) =>
  (response: ServerResponse) =>
    response.writeHead(code, headers).end('{}');
const reset: Answer = (_, request) => request.socket.destroy();
const silence: Answer = () => {};
/** Announces a long body, sends `some` of it, and hangs up. */
const cut = (some: string | Buffer) => (response: ServerResponse, request: IncomingMessage) =>
  response.writeHead(200, { 'content-length': 50_000 }).write(some, () => request.socket.destroy());
const json = (body: unknown) => (response: ServerResponse) => response.end(JSON.stringify(body));
const packument = (dist: object, of = name) =>
  json({ name: of, 'dist-tags': { latest: '9.0.0' }, versions: { '9.0.0': { name: of, version: '9.0.0', dist } } });
const toElsewhere: Answer = (response) => {
  const { port } = elsewhere.address() as AddressInfo;
  response.writeHead(302, { location: `http://localhost:${port}/package.tgz` }).end();
};

interface Fault {
  how: Misbehaviour;
  code: ErrorCode;
  says: RegExp;
  /** The fault shows only as a time-out. */
  slow?: true;
}

const misbehave = ({ how, slow }: Pick<Fault, 'how' | 'slow'>): void => {
  registry.misbehave(how);
  bePatient(slow ? 600 : 30_000);
};

const assertFails = async (args: readonly string[], { code, says }: Fault): Promise<void> => {
  const before = storeNow();
  const run = await home.rbee([...args, '--json']);
  assert.equal(run.code, 1, run.stdout);
  const { error } = JSON.parse(run.stdout);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, says);
  assert.match(error.message, new RegExp(name));
  assert.ok(error.hint.length > 0, 'it says what to try');
  assert.deepEqual(storeNow(), before);
  assert.equal(await versionOf('echo'), '1.0.0');
};

const denied = (how: Answer, says: RegExp): Fault => ({ how: always(how), code: 'REGISTRY_DENIED', says });
const unreachable = (how: Answer, says: RegExp): Fault => ({ how: always(how), code: 'REGISTRY_UNREACHABLE', says });

/** Asked for a package, the registry gives no useful answer. */
const asked: Record<string, Fault> = {
  'no longer has the package': { how: always(status(404)), code: 'PACKAGE_NOT_FOUND', says: /does not have it/ },
  'is broken': unreachable(status(500), /answers 500/),
  'is busy': unreachable(status(503), /answers 503/),
  'limits our requests': unreachable(status(429, { 'retry-after': '60' }), /answers 429/),
  'requires a login': denied(status(401), /answers 401/),
  'sends a login page': unreachable((response) => response.end('<html>'), /did not answer with JSON/),
  'answers with a list': unreachable(json([]), /did not answer with a package/),
  'cuts its answer short': unreachable(cut('{"name":'), /aborted/),
  'redirects in circles': unreachable(
    (response, { url }) => response.writeHead(302, { location: url }).end(),
    /maximum redirect/,
  ),
  'redirects to a local file': unreachable(
    (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    /Only HTTP/,
  ),
  'answers with another package': {
    how: always(packument({ tarball: 'http://127.0.0.1:1/', integrity: 'sha512-YQ==' }, '@rbee/worker-stranger')),
    code: 'PACKAGE_REFUSED',
    says: /the registry answered with @rbee\/worker-stranger@9\.0\.0/,
  },
  'has the package in a local file': {
    how: always(packument({ tarball: 'file:///etc/passwd', integrity: 'sha512-YQ==' })),
    code: 'PACKAGE_REFUSED',
    says: /gives no download address/,
  },
  'has no usable checksum': {
    how: always(packument({ tarball: 'http://127.0.0.1:1/', shasum: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' })),
    code: 'PACKAGE_REFUSED',
    says: /no sha512/,
  },
};
for (const [what, fault] of sampleOf(Object.entries(asked), 6)) {
  test(`a registry that ${what} is reported by install and update, and nothing changes`, async () => {
    misbehave(fault);
    await assertFails(['plugins', 'install', `${name}@latest`], fault);
    await assertFails(['plugins', 'update', 'echo'], fault);
  });
}

const deaf: Record<string, Pick<Fault, 'how' | 'slow'>> = {
  'hangs up': { how: always(reset) },
  'never answers': { how: always(silence), slow: true },
};
for (const [what, fault] of Object.entries(deaf)) {
  test(`a registry that ${what} is reported, and the version it answered before is mentioned`, async () => {
    misbehave(fault);
    const before = storeNow();
    const run = await home.rbee(['plugins', 'update', 'echo']);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stderr, /the registry cannot be reached \(.+\); using the cached @rbee\/worker-echo 1\.0\.0/);
    assert.deepEqual(storeNow(), before);
    const unknown = await home.rbee(['plugins', 'install', '@rbee/worker-unheard', '--json']);
    assert.equal(unknown.code, 1);
    const { error } = JSON.parse(unknown.stdout);
    assert.equal(error.code, 'REGISTRY_UNREACHABLE');
    assert.match(error.message, /worker-unheard from the registry: (socket hang up|network timeout)/);
  });
}

test('a newer version is published', async () => {
  misbehave({ how: () => false });
  for (const [type, content] of [
    ['echo', newer],
    ['other', packed('2.0.0', 'other')],
  ] as const) {
    registry.offer({ name: `@rbee/worker-${type}`, version: '2.0.0', packed: content });
  }
  const planned = await home.json(['plugins', 'update', 'echo', '--dry-run']);
  assert.equal(planned.updates[0].to, '2.0.0');
});

const refused = (how: Answer, says = /does not match the checksum/): Fault => ({
  how: fetching(how),
  code: 'PACKAGE_REFUSED',
  says,
});
const unfetched = (how: Answer, says: RegExp): Fault => ({ how: fetching(how), code: 'REGISTRY_UNREACHABLE', says });
const tooSlow = (how: Answer): Fault => ({ ...unfetched(how, /timeout/i), slow: true });

/** The registry described the package, and then sends something else, or nothing. */
const fetched: Record<string, Fault> = {
  'different content': refused((response) => response.end(evil)),
  'half of it': refused((response) => response.end(newer.subarray(0, newer.length / 2))),
  'it with extra bytes': refused((response) => response.end(Buffer.concat([newer, evil]))),
  nothing: refused((response) => response.end()),
  'a login page': refused((response) => response.end('<html>')),
  'content of another server': refused(toElsewhere),
  'an error': unfetched(status(500), /answers 500/),
  'a refusal': { ...unfetched(status(403), /answers 403/), code: 'REGISTRY_DENIED' },
  'a connection that is cut in the middle': unfetched(cut(newer.subarray(0, 300)), /aborted|hang up|premature/i),
  'a few bytes and then nothing more': tooSlow((response) =>
    response.writeHead(200, { 'content-length': newer.length }).write(newer.subarray(0, 100)),
  ),
  silence: tooSlow(silence),
  'a redirect to nowhere': unfetched(
    (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    /ECONNREFUSED/,
  ),
  'a 404': {
    how: fetching(status(404)),
    code: 'PACKAGE_NOT_FOUND',
    says: /does not have it/,
  },
};
for (const [what, fault] of sampleOf(Object.entries(fetched), 6)) {
  test(`instead of a package ${what}: install and update report it, and nothing changes`, async () => {
    misbehave(fault);
    await assertFails(['plugins', 'install', `${name}@2.0.0`], fault);
    await assertFails(['plugins', 'update', 'echo'], fault);
  });
}

test('one plugin that cannot be updated does not hold up the others, and the exit code shows it', async () => {
  registry.misbehave(({ url = '' }, response) => url.includes('echo') && url.endsWith('.tgz') && !!response.end(evil));
  const { code, stdout } = await home.rbee(['plugins', 'update', '--json']);
  assert.equal(code, 3);
  const { updates } = JSON.parse(stdout) as { updates: { name: string; changed: boolean; failed?: boolean }[] };
  assert.deepEqual(
    updates.map((one) => [one.name, one.changed, one.failed ?? false]),
    [
      [name, false, true],
      ['@rbee/worker-other', true, false],
    ],
  );
  assert.equal(await versionOf('echo'), '1.0.0');
});

test('while the registry is down, installed types can be spawned, and others are reported as missing', async () => {
  registry.misbehave(always(reset));
  await home.json(['worker', 'spawn', '--type', 'echo', '--name', 'meanwhile']);
  assert.equal(await versionOf('meanwhile'), '1.0.0');
  const { code, stdout } = await home.rbee(['worker', 'spawn', '--type', 'unheard', '--json']);
  assert.equal(code, 1);
  const { error } = JSON.parse(stdout);
  assert.equal(error.code, 'TYPE_NOT_FOUND');
  assert.match(error.message, /could not be installed: cannot get @rbee\/worker-unheard from the registry/);
});

test('the right content may come from another server, which is not sent the token', async () => {
  given = newer;
  askedElsewhere.length = 0;
  registry.misbehave(fetching(toElsewhere));
  const [update] = (await home.json(['plugins', 'update', 'echo'])).updates;
  assert.equal(update.to, '2.0.0');
  assert.deepEqual(askedElsewhere, [undefined]);
  await home.json(['worker', 'spawn', '--type', 'echo', '--name', 'new']);
  assert.deepEqual([await versionOf('echo'), await versionOf('new')], ['1.0.0', '2.0.0']);
  assert.equal((await home.json(['status'])).queen.pid, queen.pid, 'nothing was restarted');
});
