import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { pluginIndex, pluginIndexFile } from '../tools/plugin-index.ts';

test('the published list of plugins matches their manifests', () => {
  assert.equal(readFileSync(pluginIndexFile, 'utf8'), pluginIndex(), 'run: npm run docs');
});
