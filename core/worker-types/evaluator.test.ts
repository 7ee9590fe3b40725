import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Evaluator } from './evaluator.ts';

let home: string;
const opened: Evaluator[] = [];
before(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'rbee-evaluator-')));
});
afterEach(() => {
  for (const evaluator of opened.splice(0)) evaluator.close();
});
after(() => rm(home, { recursive: true, force: true }));

/** Evaluates this code as a plugin's entry file; `outside` is a folder that it must not access. */
const evaluate = async (code: (outside: string) => string, args: readonly unknown[] = []): Promise<unknown> => {
  const [root, outside] = await Promise.all(['plugin-', 'outside-'].map((name) => mkdtemp(join(home, name))));
  const entry = `${code(outside ?? '')}\nexport default { name: 'x', variants: [], command: (value) => value };`;
  await writeFile(join(root ?? '', 'index.mjs'), entry);
  const evaluator = new Evaluator('@test/x', root ?? '');
  opened.push(evaluator);
  try {
    return await evaluator.call('index.mjs', 'command', args);
  } finally {
    assert.deepEqual(await readdir(outside ?? ''), [], 'nothing was written');
  }
};

/**
 * What Node's permission model alone would allow: a database written anywhere, a signal that ends the hive, a V8 option
 * that writes files.
 */
const reaching: Record<string, (outside: string) => string> = {
  'a database': (outside) => `const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
    new DatabaseSync('${outside}/x.db').exec('create table x (a)');`,
  'an attached database': (outside) => `const { DatabaseSync } = await import('node:sqlite');
    new DatabaseSync(':memory:').exec("attach '${outside}/x.db' as x; create table x.y (a)");`,
  'a signal': () => 'process.kill(process.ppid, 0);',
  'a signal by its inner name': () => 'process._kill(process.ppid, 0);',
  'a signal by import': () => `import { kill } from 'node:process'; kill(process.ppid, 0);`,
  'a debugger': () => 'process._debugProcess(process.ppid);',
  'the priority of another process': () => `import { setPriority } from 'node:os'; setPriority(process.ppid, 10);`,
  'V8 options': (outside) => `import { setFlagsFromString } from 'node:v8';
    setFlagsFromString('--trace-turbo --trace-turbo-path=${outside}/x');`,
  'a report': (outside) => `process.report.writeReport('${outside}/x.json');`,
  'native code': () => `(await import('node:ffi')).dlopen('libc.so.6', {});`,
  'another program': () => `process.execve('/bin/true', ['true'], {});`,
  'an inspector': () => `(await import('node:inspector')).open(0);`,
};
for (const [what, code] of Object.entries(reaching)) {
  test(`${what} is blocked for plugin code`, async () => {
    await assert.rejects(evaluate(code), {
      code: 'PLUGIN_FAILED',
      message:
        /^the plugin @test\/x failed in command: .*(restricted|ACCESS_DENIED|No such built-in module|is undefined)/,
    });
  });
}

/** Over Node's own IPC channel, the first three crashed the daemon. */
const answering: Record<string, [string, RegExp]> = {
  nothing: ['null', /sent an unexpected answer/],
  'a message of Node itself': ['{"cmd":"NODE_HANDLE","type":"nope"}', /sent an unexpected answer/],
  'no JSON': ['}{', /sent an unexpected answer/],
  'an error that is not text': ['{"id":1,"error":{"toString":null}}', /failed in command/],
  'far too much data': [`${'x'.repeat(1024)}`, /larger than 4 MiB/],
};
for (const [what, [line, expected]] of Object.entries(answering)) {
  test(`a plugin that answers ${what} fails alone`, async () => {
    const times = expected.source.includes('MiB') ? 5_000 : 1;
    const code = () => `const { writeSync } = await import('node:fs');
      for (let n = 0; n < ${times}; n += 1) writeSync(3, ${JSON.stringify(line)} + (${times} === 1 ? '\\n' : ''));
      ${times === 1 ? '' : `writeSync(3, '\\n');`}`;
    await assert.rejects(evaluate(code), { code: 'PLUGIN_FAILED', message: expected });
  });
}

test('a plugin that sends unsolicited output is ended, and restarted by the next call', async () => {
  const root = await mkdtemp(join(home, 'talks-'));
  await writeFile(
    join(root, 'index.mjs'),
    `import { writeSync } from 'node:fs';
export default { name: 'x', variants: [], command: () => { setTimeout(() => writeSync(3, 'x\\n'), 1); return process.pid; } };`,
  );
  const evaluator = new Evaluator('@test/x', root);
  opened.push(evaluator);
  const first = await evaluator.call('index.mjs', 'command', []);
  for (;;) {
    // It may still be running, and end during the call.
    const next = await evaluator.call('index.mjs', 'command', []).catch(() => first);
    if (next !== first) break;
  }
});

test('every text arrives unchanged', async () => {
  const text = `line\n\u2028\u2029\r\0 ${'ü€😀'.repeat(50_000)}`;
  assert.equal(await evaluate(() => '', [text]), text);
});

/** Node's permission model refused paths through a symbolic link to the cache folder. */
test('a plugin below a symbolic link is evaluated like any other', async () => {
  const folder = await mkdtemp(join(home, 'real-'));
  await mkdir(join(folder, 'plugin'));
  await writeFile(join(folder, 'plugin', 'index.mjs'), "export default { name: 'x', variants: [] };");
  await symlink(folder, join(home, 'linked'));
  const evaluator = new Evaluator('@test/x', join(home, 'linked', 'plugin'));
  opened.push(evaluator);
  const described = (await evaluator.describe('index.mjs')) as { name: string };
  assert.equal(described.name, 'x');
});
