import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RbeeError } from '../contract/errors.ts';
import { pathsFrom } from './paths.ts';

// A quoted "~" used to create a folder of that name, and a relative RBEE_HOME a new home in each working directory.
test('RBEE_HOME may begin with ~/, and is refused if it is not absolute', () => {
  const env = { HOME: '/home/anna' };
  assert.equal(pathsFrom({ ...env, RBEE_HOME: '~/x' }).data, '/home/anna/x/data');
  assert.equal(pathsFrom({ ...env, RBEE_HOME: '~' }).data, '/home/anna/data');
  assert.equal(pathsFrom({ ...env, RBEE_HOME: '/srv/../x/' }).data, '/x/data');
  for (const RBEE_HOME of ['x', './x', '~bob/x']) {
    assert.throws(
      () => pathsFrom({ ...env, RBEE_HOME }),
      (error: RbeeError) => error.code === 'RBEE_HOME_INVALID' && error.message.includes(RBEE_HOME),
    );
  }
});

test('a relative XDG folder is ignored', () => {
  const { data, cache } = pathsFrom({ HOME: '/home/anna', XDG_DATA_HOME: '~/data', XDG_CACHE_HOME: '/c' });
  assert.equal(data, '/home/anna/.local/share/rbee');
  assert.equal(cache, '/c/rbee');
});
