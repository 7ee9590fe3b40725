import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, type Looks, type Me, type Role } from './ownership.ts';

const user: Me = {
  uid: 1_000,
  privateGroups: [1_000],
  outsideUid: null,
  nameOf: (uid) => ({ 0: 'root', 1000: 'bee', 1001: 'wasp' })[uid] ?? `uid ${uid}`,
};
const root: Me = { ...user, uid: 0, privateGroups: [0] };

type Row = [what: string, me: Me, role: Role, looks: Partial<Looks>, isChosen: boolean, expected: string];

/** `ok`, or `refused` or `warned` with part of the message. */
const rows: Row[] = [
  ['our own folder', user, 'own', {}, false, 'ok'],
  ['our own folder that others can read', user, 'own', { mode: 0o755 }, false, 'ok'],
  ['a folder of another user', user, 'own', { uid: 1_001 }, true, 'refused: it belongs to wasp, not to bee'],
  ['a folder of root', user, 'own', { uid: 0 }, true, 'refused: it belongs to root, not to bee'],
  ['a link', user, 'own', { kind: 'link', mode: 0o777 }, true, 'refused: it is a symbolic link'],
  ['a file', user, 'own', { kind: 'file' }, true, 'refused: it is not a folder'],
  ['a folder open to all', user, 'own', { mode: 0o777 }, true, 'refused: every user of this machine can write to it'],
  [
    'a folder that is sticky',
    user,
    'own',
    { mode: 0o1777 },
    true,
    'refused: every user of this machine can write to it',
  ],
  ['a folder of a shared group', user, 'own', { mode: 0o770, gid: 50 }, true, 'refused: its group can write to it'],
  ['a folder made with umask 002', user, 'own', { mode: 0o775 }, false, 'warned: its group can write to it'],
  ['our own socket', user, 'socket', { kind: 'socket', mode: 0o600 }, false, 'ok'],
  ['a socket of another user', user, 'socket', { kind: 'socket', uid: 1_001 }, true, 'refused: it belongs to wasp'],
  ['a link to a socket', user, 'socket', { kind: 'link' }, true, 'refused: it is not a socket'],
  ['a file of root', user, 'trusted', { kind: 'file', uid: 0, mode: 0o644 }, false, 'ok'],
  ['a file of another user', user, 'trusted', { kind: 'file', uid: 1_001 }, false, 'refused: it belongs to wasp'],
  ['a chosen file of another user', user, 'trusted', { kind: 'file', uid: 1_001 }, true, 'warned: it belongs to wasp'],
  ['a file open to all', user, 'trusted', { kind: 'file', mode: 0o666 }, true, 'refused: every user'],
  ['a file of a shared group', user, 'trusted', { kind: 'file', mode: 0o664, gid: 50 }, false, 'refused: its group'],
  ['a chosen one of it', user, 'trusted', { kind: 'file', mode: 0o664, gid: 50 }, true, 'warned: its group'],
  ['a file of the group of root', user, 'trusted', { kind: 'file', uid: 0, gid: 0, mode: 0o664 }, false, 'ok'],
  ['/tmp', user, 'above', { uid: 0, gid: 0, mode: 0o1777 }, false, 'ok'],
  ['/tmp without the sticky bit', user, 'above', { uid: 0, gid: 0, mode: 0o777 }, true, 'refused: every user'],
  [
    'a sticky folder of another user',
    user,
    'above',
    { uid: 1_001, mode: 0o1777 },
    false,
    'refused: it belongs to wasp',
  ],
  [
    'a link of another user',
    user,
    'link',
    { kind: 'link', uid: 1_001, mode: 0o777 },
    true,
    'refused: it belongs to wasp',
  ],
  ['a link of root', user, 'link', { kind: 'link', uid: 0, mode: 0o777 }, false, 'ok'],
  ['for root: what belongs to root', root, 'own', { uid: 0, gid: 0 }, false, 'ok'],
  ['for root: the home of a user', root, 'above', { uid: 1_001 }, false, 'refused: it belongs to wasp, not to root'],
  ['for root: a home that was chosen', root, 'above', { uid: 1_001 }, true, 'warned: it belongs to wasp, not to root'],
  [
    'from outside of a user namespace',
    { ...user, outsideUid: 65_534 },
    'above',
    { uid: 65_534, mode: 0o755 },
    false,
    'ok',
  ],
];

for (const [what, me, role, looks, isChosen, expected] of rows) {
  test(`${expected.split(':')[0]}: ${what} as ${role}`, () => {
    const all: Looks = { kind: 'folder', uid: 1_000, gid: 1_000, mode: 0o700, ...looks };
    const found = judge('/some/place', all, role, { me, isChosen });
    const said = found === undefined ? 'ok' : `${found.isSevere ? 'refused' : 'warned'}: ${found.problem}`;
    assert.ok(said.startsWith(expected), said);
    assert.notEqual(found?.fix, '');
  });
}

test('a path is quoted for a shell', () => {
  const looks: Looks = { kind: 'file', uid: 1_000, gid: 1_000, mode: 0o666 };
  const found = judge("/it's here", looks, 'trusted', { me: user, isChosen: false });
  assert.equal(found?.fix, "chmod go-w '/it'\\''s here'");
});
