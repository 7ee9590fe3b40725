import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slowLine } from './regex-speed.ts';

test('a slow pattern is found, with or without an example, and an ordinary one passes', () => {
  assert.notEqual(slowLine(/^(a+)+$/), null);
  assert.notEqual(slowLine(/^warming up (\d+)+ done$/, 'warming up 1 done'), null);
  assert.equal(slowLine(/loading (?<percent>\d{1,3})%/, 'loading 42%'), null);
});
