import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localRunner } from '../lifecycle/system/local-runner.ts';
import { quote } from './script.ts';

test('quoted text is one word to a shell, whatever it contains', async () => {
  const words = ['', "it's", "''", '$(id) `id` "$HOME" \\ \\\\', 'two\nlines\n', ' ', '*', '~', '-n', '\u2028', '!x'];
  const line = `for word; do printf '%s\\0' "$word"; done`;
  const script = `set -- ${words.map(quote).join(' ')}\n${line}`;
  const { stdout } = await localRunner.run(['sh', '-c', script], { env: { PATH: '/usr/bin:/bin' } });
  assert.deepEqual(stdout.split('\0').slice(0, -1), words);
});
