import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bundledPlugins, pluginReadme, readmeFile } from './plugin-readme.ts';

for (const plugin of bundledPlugins()) {
  test(`the README of ${plugin} lists the options of its schema`, async () => {
    assert.equal(readFileSync(readmeFile(plugin), 'utf8'), await pluginReadme(plugin), 'run: npm run docs');
  });
}
