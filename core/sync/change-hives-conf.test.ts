import assert from 'node:assert/strict';
import { chmod, lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { addHive, removeHive } from '../config/edit-hives-conf.ts';
import { changeHivesConf } from './change-hives-conf.ts';

describe('hives.conf on disk', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rbee-hives-'));
    file = join(folder, 'hives.conf');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is created for its owner only, and keeps its mode later', async () => {
    assert.deepEqual(await changeHivesConf(file, (text, name) => addHive(text, name, { alias: 'a' })), {
      file,
      created: true,
    });
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await chmod(file, 0o644);
    assert.equal((await changeHivesConf(file, (text, name) => addHive(text, name, { alias: 'b' }))).created, false);
    assert.equal((await stat(file)).mode & 0o777, 0o644);
    assert.equal(await readFile(file, 'utf8'), '[[hive]]\nalias = "a"\n\n[[hive]]\nalias = "b"\n');
  });

  it('stays a link if it is one', async () => {
    const real = join(folder, 'settings', 'machines.toml');
    await mkdir(join(folder, 'settings'));
    await writeFile(real, '[[hive]]\nalias = "a"\n');
    await symlink(real, file);
    await changeHivesConf(file, (text, name) => addHive(text, name, { alias: 'b' }));
    assert.ok((await lstat(file)).isSymbolicLink());
    assert.match(await readFile(real, 'utf8'), /alias = "b"/);
  });

  it('is unchanged if the edit is refused', async () => {
    await writeFile(file, '[[hive]]\nalias = "a"\n');
    await assert.rejects(
      changeHivesConf(file, (text, name) => removeHive(text, name, 'b')),
      { code: 'HIVE_NOT_DECLARED' },
    );
    assert.equal(await readFile(file, 'utf8'), '[[hive]]\nalias = "a"\n');
  });
});
