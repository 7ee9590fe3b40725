import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rememberAnswers } from './ask.ts';
import type { ProgramOutput } from './device-source.ts';

test('a recent answer of a program is reused, and a failed call is repeated', async () => {
  const asked: string[] = [];
  const outputs: (ProgramOutput | null)[] = ['one', null, 'later', 'last'].map((stdout) =>
    stdout === null ? null : { stdout, stderr: '', code: 0 },
  );
  let time = 0;
  const ask = rememberAnswers(
    async (program, args) => {
      asked.push([program, ...args].join(' '));
      return outputs[asked.length - 1] ?? null;
    },
    () => time,
  );
  const both = await Promise.all([ask('smi', ['-L']), ask('smi', ['-L'])]);
  assert.deepEqual(
    both.map((output) => output?.stdout),
    ['one', 'one'],
  );
  assert.equal(await ask('smi', ['-q']), null);
  assert.equal((await ask('smi', ['-q']))?.stdout, 'later');
  time = 5_000;
  await ask('smi', ['-L']);
  assert.deepEqual(asked, ['smi -L', 'smi -q', 'smi -q', 'smi -L']);
});
