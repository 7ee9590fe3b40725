import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { ensureHeadroom, ensureSpace, spaceError } from './disk-space.ts';

describe('disk space', () => {
  it('is sufficient for a few bytes, and not for more than any disk has', async () => {
    await ensureSpace(tmpdir(), 1);
    await ensureHeadroom(tmpdir());
    await assert.rejects(ensureSpace(tmpdir(), Number.MAX_SAFE_INTEGER), { code: 'NO_SPACE' });
  });

  it('is not checked where the system does not report it', async () => {
    await ensureSpace('/no/such/folder', Number.MAX_SAFE_INTEGER);
    await ensureHeadroom('/no/such/folder');
  });

  it('explains a write that failed for lack of it, and no other', async () => {
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    const error = await spaceError(tmpdir(), full);
    assert.deepEqual([error?.code, error?.cause], ['NO_SPACE', full]);
    assert.equal(await spaceError(tmpdir(), Object.assign(new Error('denied'), { code: 'EACCES' })), undefined);
  });
});
