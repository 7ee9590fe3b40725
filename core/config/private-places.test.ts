import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadHivesConf } from './hives-conf.ts';
import { pathsFrom } from './paths.ts';
import { checkHome, checkSocket, homeFindings, makeSocketFolder } from './private-places.ts';
import { loadRbeeConf } from './rbee-conf.ts';

const needsRoot = process.getuid?.() !== 0 && 'needs root to give files to another user';
const nobody = 65_534;

const folderFor = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-private-')));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
};

const listen = async (t: TestContext, path: string): Promise<void> => {
  const server = createServer();
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
};

test('a socket folder is created for this user only, and a socket in it works', async (t) => {
  const folder = join(folderFor(t), 'a', 'b');
  makeSocketFolder(folder);
  assert.equal(lstatSync(folder).mode & 0o777, 0o700);
  checkSocket(join(folder, 'none'));
  await listen(t, join(folder, 's'));
  checkSocket(join(folder, 's'));
});

test('a folder that others can read is closed before anything listens there', (t) => {
  const folder = join(folderFor(t), 'a');
  mkdirSync(folder, { mode: 0o755 });
  makeSocketFolder(folder);
  assert.equal(lstatSync(folder).mode & 0o777, 0o700);
});

test('sockets in a world-writable folder, or behind a link, are refused', async (t) => {
  const folder = folderFor(t);
  const open = join(folder, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  await listen(t, join(open, 's'));
  assert.throws(() => checkSocket(join(open, 's')), {
    code: 'FOLDER_NOT_PRIVATE',
    message: /every user .* \(mode 0777\)/,
  });
  assert.throws(() => makeSocketFolder(open), { code: 'FOLDER_NOT_PRIVATE' });
  // Anyone could replace this folder.
  assert.throws(() => makeSocketFolder(join(open, 'inner')), { code: 'FOLDER_NOT_PRIVATE' });
  chmodSync(open, 0o1777);
  makeSocketFolder(join(open, 'inner'));

  mkdirSync(join(folder, 'real'), { mode: 0o700 });
  await listen(t, join(folder, 'real', 's'));
  symlinkSync('real', join(folder, 'door'));
  assert.throws(() => checkSocket(join(folder, 'door', 's')), { code: 'FOLDER_NOT_PRIVATE', message: /symbolic link/ });
  assert.throws(() => makeSocketFolder(join(folder, 'door')), { code: 'FOLDER_NOT_PRIVATE' });
  symlinkSync('s', join(folder, 'real', 'linked'));
  assert.throws(() => checkSocket(join(folder, 'real', 'linked')), { code: 'SOCKET_NOT_PRIVATE' });
  writeFileSync(join(folder, 'real', 'file'), '');
  assert.throws(() => checkSocket(join(folder, 'real', 'file')), {
    code: 'SOCKET_NOT_PRIVATE',
    message: /not a socket/,
  });
});

test('folders, sockets and links of another user are refused', { skip: needsRoot }, async (t) => {
  const folder = folderFor(t);
  const theirs = join(folder, 'theirs');
  mkdirSync(theirs, { mode: 0o700 });
  await listen(t, join(theirs, 's'));
  chownSync(join(theirs, 's'), nobody, nobody);
  assert.throws(() => checkSocket(join(theirs, 's')), {
    code: 'SOCKET_NOT_PRIVATE',
    message: /belongs to nobody, not to root/,
  });
  chownSync(theirs, nobody, nobody);
  assert.throws(() => checkSocket(join(theirs, 's')), {
    code: 'FOLDER_NOT_PRIVATE',
    hint: /without sudo; otherwise remove it: rm -r /,
  });
  assert.throws(() => makeSocketFolder(theirs), { code: 'FOLDER_NOT_PRIVATE' });

  const shared = join(folder, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o1777);
  mkdirSync(join(folder, 'ours'));
  symlinkSync(join(folder, 'ours'), join(shared, 'way'));
  makeSocketFolder(join(shared, 'way', 'sockets'));
  lchownSync(join(shared, 'way'), nobody, nobody);
  assert.throws(() => makeSocketFolder(join(shared, 'way', 'sockets')), { code: 'FOLDER_NOT_PRIVATE', message: /way/ });
});

const homeFor = (t: TestContext) => {
  const folder = folderFor(t);
  const paths = pathsFrom({ RBEE_HOME: folder });
  for (const one of [paths.config, paths.data, paths.state]) mkdirSync(one, { recursive: true, mode: 0o755 });
  writeFileSync(paths.rbeeConf, '', { mode: 0o644 });
  writeFileSync(join(paths.config, 'hives.conf'), '', { mode: 0o644 });
  return { folder, paths };
};

test('an ordinary home is fine', (t) => {
  const { paths } = homeFor(t);
  assert.deepEqual(homeFindings(paths), []);
  assert.deepEqual(homeFindings(pathsFrom({ HOME: folderFor(t) })), []);
  loadRbeeConf(paths);
});

/** Any user who can write these can make rbee run anything. */
test('world-writable folders and files are refused, with the command that fixes them', (t) => {
  const { folder, paths } = homeFor(t);
  writeFileSync(join(paths.data, 'package.json'), '{}');
  writeFileSync(join(paths.config, 'rbee.lock'), '{}');
  const files = [
    paths.rbeeConf,
    join(paths.config, 'hives.conf'),
    join(paths.config, 'rbee.lock'),
    join(paths.data, 'package.json'),
  ];
  for (const path of [folder, paths.config, paths.data, ...files]) {
    const before = lstatSync(path).mode & 0o777;
    chmodSync(path, 0o777);
    assert.throws(() => checkHome(paths), { message: new RegExp(`${path} .*0777`), hint: `chmod go-w ${path}` });
    chmodSync(path, before);
  }
  checkHome(paths);
  chmodSync(paths.rbeeConf, 0o666);
  assert.throws(() => loadRbeeConf(paths), { code: 'FILE_NOT_PRIVATE', hint: `chmod go-w ${paths.rbeeConf}` });
  const hives = join(paths.config, 'hives.conf');
  chmodSync(hives, 0o666);
  assert.throws(() => loadHivesConf(hives), { code: 'FILE_NOT_PRIVATE' });
  assert.throws(() => loadHivesConf(hives, { isChosen: true }), { code: 'FILE_NOT_PRIVATE' });
});

test('files of another user are refused; at a place that the user chose, they give a warning', {
  skip: needsRoot,
}, (t) => {
  const { folder, paths } = homeFor(t);
  const hives = join(paths.config, 'hives.conf');
  chownSync(hives, nobody, nobody);
  assert.throws(() => loadHivesConf(hives), { code: 'FILE_NOT_PRIVATE', message: /belongs to nobody/ });
  const doubts: string[] = [];
  assert.deepEqual(loadHivesConf(hives, { isChosen: true, onDoubt: ({ problem }) => doubts.push(problem) })?.hives, []);
  assert.deepEqual(doubts, ['it belongs to nobody, not to root']);
  // RBEE_HOME chose the whole home; without it, this is refused.
  chownSync(folder, nobody, nobody);
  assert.deepEqual(
    checkHome(paths).map(({ path }) => path),
    [hives, folder],
  );
  assert.throws(() => checkHome({ ...paths, isChosen: false }), { code: 'FILE_NOT_PRIVATE' });
  chownSync(paths.state, nobody, nobody);
  assert.throws(() => checkHome(paths), { code: 'FOLDER_NOT_PRIVATE', hint: /run rbee as nobody, without sudo/ });
});
