/** Verifies provenance with npm's own library against a registry, a log and keys made here. */
import assert from 'node:assert/strict';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { readIndex } from '../plugin-index.ts';
import { integrityOf, packPlugin, startTinyRegistry, type TinyRegistry } from '../testing/registry.ts';
import { type Attested, TestSigstore } from '../testing/sigstore.ts';
import { type TestStore, testStore } from '../testing/store.ts';

const repository = 'https://github.com/rbee/worker-echo';
const spec = '@rbee/worker-echo@1.0.0';

let folder: string;
let registry: TinyRegistry;
let store: TestStore;
let sigstore: TestSigstore;
before(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rbee-provenance-')));
});
beforeEach(async () => {
  registry = await startTinyRegistry();
  // Requests to the internet fail at a proxy that does not exist.
  store = await testStore(folder, registry, { env: { HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '127.0.0.1' } });
  sigstore = new TestSigstore();
});
afterEach(async () => {
  store.installer.close();
  await registry.close();
});
after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));

/** Publishes a signed package whose attestation `answer` may tamper with. */
const offer = (change: Partial<Attested> = {}, options?: { forged?: boolean; status?: number }): void => {
  const packed = packPlugin();
  const integrity = integrityOf(packed);
  const attested: Attested = {
    subject: 'pkg:npm/%40rbee/worker-echo@1.0.0',
    sha512: Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex'),
    repository,
    ...change,
  };
  const answers: Record<string, unknown> = {
    '/-/npm/v1/keys': { keys: [sigstore.publishedKey] },
    '/-/npm/v1/attestations/echo': sigstore.attestations(attested, options),
  };
  registry.misbehave(({ url = '' }, response) => {
    if (!Object.hasOwn(answers, url)) return false;
    if (url.includes('attestations') && options?.status) response.statusCode = options.status;
    return !!response.end(JSON.stringify(answers[url]));
  });
  const attestations = {
    url: `${registry.url}/-/npm/v1/attestations/echo`,
    provenance: { predicateType: 'https://slsa.dev/provenance/v1' },
  };
  registry.offer({
    name: '@rbee/worker-echo',
    version: '1.0.0',
    packed,
    signatures: [sigstore.signature(`${spec}:${integrity}`)],
    dist: { attestations },
  });
};

const signature = async (): Promise<string | undefined> => (await readIndex(store.data))[0]?.signature;
const call = { signal: new AbortController().signal, narrate: () => {} };

test('the source repository of a package is verified, shown before the installation, and stored', async () => {
  await sigstore.trustIn(join(store.home, '.npm'));
  offer();
  const found = await store.installer.look({ plugin: 'echo' }, call);
  assert.deepEqual(found.signature, { state: 'verified', provenance: repository, note: null });
  await store.install('echo');
  assert.equal(await signature(), `verified, built from ${repository}`);
});

test('an attestation for another package, for other content or by another signer is refused', async () => {
  await sigstore.trustIn(join(store.home, '.npm'));
  const wrong: [Parameters<typeof offer>, RegExp][] = [
    [[{ subject: 'pkg:npm/%40rbee/worker-other@1.0.0' }], /doesn't match what was signed/],
    [[{ sha512: 'ab'.repeat(64) }], /doesn't match what was signed/],
    [[{}, { forged: true }], /signature verification failed/],
  ];
  for (const [made, expected] of wrong) {
    offer(...made);
    await assert.rejects(store.install('echo'), { code: 'PACKAGE_REFUSED', message: expected });
  }
  assert.deepEqual(await readIndex(store.data), []);
});

test('an attestation signed by an untrusted log is refused', async () => {
  await new TestSigstore().trustIn(join(store.home, '.npm'));
  offer();
  await assert.rejects(store.install('echo'), { code: 'PACKAGE_REFUSED', message: /inclusion promise/ });
});

test('if the trusted keys or the attestation cannot be fetched, the package is reported as unverified', async () => {
  offer();
  await store.install('echo');
  assert.equal(await signature(), 'verified');
  const { note, provenance } = (await store.installer.look({ plugin: 'echo' }, call)).signature;
  assert.equal(provenance, null);
  assert.match(note ?? '', /provenance could not be verified: .*TUF metadata/);
  offer({}, { status: 404 });
  assert.match((await store.installer.look({ plugin: 'echo' }, call)).signature.note ?? '', /could not be verified/);
});
