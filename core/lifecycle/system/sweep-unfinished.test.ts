import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempFolder } from '../process/testing.ts';
import { sweepUnfinished } from './sweep-unfinished.ts';

// A daemon killed while it replaces a file leaves the new one beside it, under a name that is never used again.
test('files of a killed writer are removed; those of a living one, and all others, stay', async (t) => {
  const folder = await tempFolder(t);
  const child = spawn('true');
  await once(child, 'exit');
  const dead = `a.json.${child.pid}.0123456789ab.tmp`;
  const living = `a.json.${process.pid}.0123456789ab.tmp`;
  const others = ['a.json', 'a.json.tmp', `a.json.${child.pid}.tmp`, 'queen.pid'];
  for (const name of [dead, living, ...others]) await writeFile(join(folder, name), '');
  await sweepUnfinished(join(folder, 'there is none'), folder);
  assert.deepEqual((await readdir(folder)).sort(), [living, ...others].sort());
});
