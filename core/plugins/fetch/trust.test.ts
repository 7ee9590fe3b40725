import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IndexEntry } from '../plugin-index.ts';
import type { FoundPackage } from './fetch-calls.ts';
import { checkTrust, identityOf } from './trust.ts';

const found = (name: string, over: Partial<FoundPackage> = {}): FoundPackage => ({
  name,
  version: '1.0.0',
  integrity: 'sha512-abc',
  tarball: 'http://registry/a.tgz',
  registry: 'http://registry/',
  publisher: { id: name.startsWith('@') ? (name.split('/')[0] ?? '') : name, account: null },
  license: 'MIT',
  description: '',
  deprecated: null,
  dependencies: {},
  optionalDependencies: {},
  scripts: false,
  rbee: null,
  signature: { state: 'none', provenance: null, note: 'the registry does not sign' },
  ...over,
});
const entry = (over: Partial<IndexEntry>): IndexEntry => ({ name: 'x', type: 'link', root: '/x', ...over });
const open = { allowedScopes: [] };

test("rbee's own scope is trusted; an unknown publisher needs confirmation", () => {
  checkTrust(found('@rbee/worker-echo'), [], open);
  const stranger = found('@acme/worker-echo');
  assert.throws(() => checkTrust(stranger, [], open), { code: 'PUBLISHER_UNKNOWN', message: /comes from @acme/ });
  checkTrust(stranger, [], { ...open, yes: true });
  checkTrust(stranger, [], { ...open, accepted: identityOf(stranger) });
});

test('confirming one version does not confirm another', () => {
  const accepted = identityOf(found('@acme/worker-echo'));
  const other = found('@acme/worker-echo', { integrity: 'sha512-other' });
  assert.throws(() => checkTrust(other, [], { ...open, accepted }), { code: 'PUBLISHER_UNKNOWN' });
});

test('a publisher trusted in one registry is trusted only in that registry', () => {
  const known = [entry({ publisher: '@acme', registry: 'http://registry/', integrity: 'sha512-x' })];
  checkTrust(found('@acme/worker-other'), known, open);
  const elsewhere = found('@acme/worker-other', { registry: 'http://elsewhere/' });
  assert.throws(() => checkTrust(elsewhere, known, open), { code: 'PUBLISHER_UNKNOWN' });
  checkTrust({ ...elsewhere, integrity: 'sha512-x' }, known, open);
});

test('a file needs confirmation, whatever name it claims', () => {
  const file = found('@rbee/worker-echo', { registry: null });
  assert.throws(() => checkTrust(file, [], open), { code: 'PUBLISHER_UNKNOWN', message: /a file/ });
  checkTrust(file, [entry({ integrity: 'sha512-abc' })], open);
});

test('a list of allowed scopes excludes all others, even when confirmed', () => {
  const policy = { allowedScopes: ['@acme', 'worker-plain'], yes: true };
  checkTrust(found('@acme/worker-echo'), [], { allowedScopes: policy.allowedScopes });
  checkTrust(found('worker-plain'), [], policy);
  assert.throws(() => checkTrust(found('@rbee/worker-echo'), [], policy), { code: 'SCOPE_NOT_ALLOWED' });
});
