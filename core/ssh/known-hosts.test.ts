import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempFolder } from '../lifecycle/process/testing.ts';
import { addKnownKey, fingerprint, keyType, readKnownKeys } from './known-hosts.ts';

/** In wire format: its type, then arbitrary data. */
const makeKey = (type = 'ssh-ed25519'): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), randomBytes(36)]);
};

const keysOf = async (t: TestContext, text: string, name: string): Promise<string[]> => {
  const file = join(await tempFolder(t), 'known_hosts');
  await writeFile(file, text);
  return (await readKnownKeys([file], name)).map(({ key, revoked }) => `${revoked ? 'revoked ' : ''}${key}`);
};

test('lines apply to the hosts that they name, in upper or lower case', async (t) => {
  const text = [
    '# pi ssh-ed25519 COMMENT',
    '',
    '  pi,10.0.0.7\tssh-ed25519  PLAIN with a comment  ',
    'PI.Local ssh-rsa UPPER',
    '[pi]:2222 ssh-ed25519 PORT',
    'fe80::1 ssh-ed25519 SIX',
    '[fe80::1]:2222 ssh-ed25519 SIXPORT',
    '@cert-authority pi ssh-ed25519 AUTHORITY',
    'pine ssh-ed25519 LONGER\r',
  ].join('\n');
  assert.deepEqual(await keysOf(t, text, 'pi'), ['PLAIN']);
  assert.deepEqual(await keysOf(t, text, '10.0.0.7'), ['PLAIN']);
  assert.deepEqual(await keysOf(t, text, 'Pi.local'), ['UPPER']);
  assert.deepEqual(await keysOf(t, text, '[pi]:2222'), ['PORT']);
  assert.deepEqual(await keysOf(t, text, 'fe80::1'), ['SIX']);
  assert.deepEqual(await keysOf(t, text, '[fe80::1]:2222'), ['SIXPORT']);
  assert.deepEqual(await keysOf(t, text, 'pine'), ['LONGER']);
  assert.deepEqual(await keysOf(t, text, 'other'), []);
});

test('wildcards and excluded hosts', async (t) => {
  const text =
    '*.lan,!evil.lan ssh-ed25519 STAR\npi? ssh-ed25519 ONE\n!pi4,* ssh-ed25519 NOT\n[*]:22?2 ssh-ed25519 ANYPORT\n';
  assert.deepEqual(await keysOf(t, text, 'a.lan'), ['STAR', 'NOT']);
  assert.deepEqual(await keysOf(t, text, 'evil.lan'), ['NOT']);
  assert.deepEqual(await keysOf(t, text, 'pi4'), ['ONE']);
  assert.deepEqual(await keysOf(t, text, 'pi44'), ['NOT']);
  // A dot matches only a dot.
  assert.deepEqual(await keysOf(t, text, 'axlan'), ['NOT']);
  assert.deepEqual(await keysOf(t, text, '[box]:2222'), ['NOT', 'ANYPORT']);
});

test('revoked keys are reported as revoked', async (t) => {
  const text = '@revoked * ssh-ed25519 BAD\npi ssh-ed25519 GOOD';
  assert.deepEqual(await keysOf(t, text, 'pi'), ['revoked BAD', 'GOOD']);
});

test('hashed names, as written by ssh-keygen -H', async (t) => {
  const text =
    '|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-rsa OPENSSH\n|1|bad|hash ssh-rsa X\n|1| ssh-rsa Y\n';
  // From OpenSSH's own regression tests.
  assert.deepEqual(await keysOf(t, text, '192.168.1.61'), ['OPENSSH']);
  assert.deepEqual(await keysOf(t, text, '192.168.1.62'), []);
});

test('all files are read, and missing ones are ignored', async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, 'one'), 'pi ssh-rsa ONE\n');
  await writeFile(join(folder, 'two'), 'pi ssh-rsa TWO\n');
  const files = ['none', 'one', 'two'].map((name) => join(folder, name));
  assert.deepEqual(
    (await readKnownKeys([...files, folder], 'pi')).map(({ key }) => key),
    ['ONE', 'TWO'],
  );
});

test('a key is appended to a private file, and found only under its own name', async (t) => {
  const folder = await tempFolder(t);
  const file = join(folder, '.ssh', 'known_hosts');
  const [one, two, three] = [makeKey(), makeKey('ecdsa-sha2-nistp256'), makeKey()];
  await addKnownKey(file, { knownAs: 'pi', key: one, hashNames: false });
  assert.equal(await readFile(file, 'utf8'), `pi ssh-ed25519 ${one.toString('base64')}\n`);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((await stat(join(folder, '.ssh'))).mode & 0o777, 0o700);
  // The existing last line has no line break.
  await writeFile(file, 'other ssh-rsa KEY', { flag: 'a' });
  await addKnownKey(file, { knownAs: '[pi]:2222', key: two, hashNames: true });
  await addKnownKey(file, { knownAs: 'box', key: three, hashNames: false });
  const found = async (name: string) => (await readKnownKeys([file], name)).map(({ key }) => key);
  assert.deepEqual(await found('other'), ['KEY']);
  assert.deepEqual(await found('[pi]:2222'), [two.toString('base64')]);
  assert.deepEqual(await found('box'), [three.toString('base64')]);
  assert.match(await readFile(file, 'utf8'), /^\|1\|\S{28}\|\S{28} ecdsa-sha2-nistp256 /m);
  assert.ok(!(await readFile(file, 'utf8')).includes('2222'));
});

test('the name of a key, and of text that is not a key', () => {
  assert.equal(keyType(makeKey('ssh-rsa')), 'ssh-rsa');
  assert.equal(keyType(Buffer.alloc(0)), '');
  assert.ok(keyType(Buffer.alloc(200, 0xff)).length <= 64);
  assert.equal(fingerprint(Buffer.from('abc')), 'SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0');
});
