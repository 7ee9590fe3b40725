import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const core = resolve(import.meta.dirname, '../../core');
const door = 'keeper/terminal/screens.ts';

test('the command line writes only through a screen, which makes all text harmless', () => {
  const files = globSync('{keeper,narration,queen/client}/**/*.ts', { cwd: core });
  const wrong = files.filter((file) => {
    const text = readFileSync(join(core, file), 'utf8');
    return /\bprocess\.(stdout|stderr)\b|\bconsole\.|\bthis\.(log|logToStderr|warn|error)\(/.test(text);
  });
  assert.deepEqual(wrong, [door]);
});
