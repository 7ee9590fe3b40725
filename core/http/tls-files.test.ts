import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTlsFiles } from './tls-files.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

test('files that cannot be used are refused with a reason in plain words', {
  skip: !hasOpenssl && 'needs openssl',
}, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rbee-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const made = (name: string) => {
    const pair = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=a'];
    assert.equal(spawnSync('openssl', [...args, '-keyout', pair.key, '-out', pair.cert]).status, 0);
    return pair;
  };
  const [one, other] = [made('one'), made('other')];
  const empty = join(folder, 'empty');
  writeFileSync(empty, '');
  const encrypted = join(folder, 'encrypted.key');
  const encrypt = ['pkey', '-in', one.key, '-aes256', '-passout', 'pass:x', '-out', encrypted];
  assert.equal(spawnSync('openssl', encrypt).status, 0);

  assert.ok(readTlsFiles(one).cert.length > 0);
  for (const [cert, key, says] of [
    [one.cert, other.key, /the private key does not belong to the certificate/],
    [one.cert, join(folder, 'none'), /none for TLS: there is no such file/],
    [folder, one.key, /it is a folder/],
    [empty, one.key, /there is no certificate in PEM format in it/],
    [one.key, one.cert, /there is no certificate in PEM format in it/],
    [one.cert, empty, /tls_key names a file without a private key in PEM format/],
    [one.cert, encrypted, /the private key is encrypted/],
  ] as const)
    assert.throws(() => readTlsFiles({ cert, key }), { code: 'TLS_FILES_INVALID', message: says });
});
