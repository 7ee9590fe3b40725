import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingShared, readOffer } from './key-exchange.ts';

const list = (...names: string[]): Buffer => {
  const text = Buffer.from(names.join(','));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text]);
};
const offer = (...lists: Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.from('SSH-2.0-OpenSSH_10.0\r\n'),
    Buffer.from([0, 0, 4, 0, 6, 20]),
    Buffer.alloc(16),
    ...lists,
  ]);

test('a server’s offer is parsed as far as it was received', () => {
  const bytes = offer(list('a', 'b'), list('ssh-ed25519'), list('c1'));
  assert.deepEqual(readOffer(bytes), { kex: ['a', 'b'], hostKey: ['ssh-ed25519'], cipher: ['c1'] });
  for (let length = 0; length <= bytes.length; length++) readOffer(bytes.subarray(0, length));
  assert.deepEqual(readOffer(Buffer.from('HTTP/1.1 400\r\n\r\n')), {});
  const liar = offer(Buffer.from([255, 255, 255, 255, 65]));
  assert.deepEqual(readOffer(liar), {});
});

test('the error names what is missing, and the sshd_config line that adds it', () => {
  const kex = nothingShared('no matching key exchange algorithm', offer(list('mlkem768x25519-sha256', 'ext-info-s')));
  assert.match(
    kex?.problem ?? '',
    /have no common key exchange: it offers only mlkem768x25519-sha256, .*no post-quantum/,
  );
  assert.match(kex?.hint ?? '', /: KexAlgorithms \+curve25519-sha256$/);
  const old = nothingShared('no matching key exchange algorithm', offer(list('diffie-hellman-group1-sha1')));
  assert.doesNotMatch(old?.problem ?? '', /post-quantum/);
  const bare = nothingShared('no matching C->S cipher', Buffer.alloc(0));
  assert.equal(bare?.problem, 'its SSH server and rbee have no common cipher');
  const hostile = nothingShared('no matching host key format', offer(list(), list('\u001b[2J'.repeat(100))));
  assert.ok(!hostile?.problem.includes('\u001b'));
  assert.equal(nothingShared('something else', offer()), undefined);
});
