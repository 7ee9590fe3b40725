import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { RbeeError } from '../../contract/errors.ts';
import { makeFolder } from './atomic-file.ts';

const home = mkdtempSync(join(tmpdir(), 'rbee-folders-'));
after(() => rmSync(home, { recursive: true }));

const unwritable = (error: unknown): boolean => error instanceof RbeeError && error.code === 'STATE_UNWRITABLE';

describe('folders', () => {
  it('are created with their parents, for this user only, also concurrently', async () => {
    const folder = join(home, 'a', 'b', 'c');
    await Promise.all([makeFolder(folder), makeFolder(folder)]);
    await makeFolder(folder);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  it('are refused if a file is in the way', async () => {
    writeFileSync(join(home, 'file'), '');
    await assert.rejects(makeFolder(join(home, 'file')), unwritable);
    await assert.rejects(makeFolder(join(home, 'file', 'below')), unwritable);
  });

  // mkdir answers ENOENT below /proc although /proc exists; Node's own recursive mkdir then loops forever.
  it('are refused where the system does not allow folders', async () => {
    await assert.rejects(makeFolder('/proc/nope/below'), unwritable);
  });
});
