/** `rbee demo`: what a newcomer runs first. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { demoSentence } from '../../plugins/worker-llamacpp/demo/sentence.ts';
import { createHome, kill, type TestHome } from '../harness/home.ts';
import { until } from '../harness/until.ts';

let home: TestHome;
let temp: string;
before(() => {
  home = createHome();
  temp = mkdtempSync(join(tmpdir(), 'rbee-demo-test-'));
});
after(async () => {
  rmSync(temp, { recursive: true, force: true });
  await home.close();
});

/** Processes whose working folder is in the demo's own home. */
const left = (): string[] =>
  readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return (
        readdirSync(`/proc/${pid}/task`).length > 0 && existsSync(`/proc/${pid}/cwd`) && realCwd(pid).startsWith(temp)
      );
    } catch {
      return false;
    }
  });
const realCwd = (pid: string): string => {
  const { readlinkSync } = process.getBuiltinModule('node:fs');
  return readlinkSync(`/proc/${pid}/cwd`);
};

test('it shows one streamed answer and the table of workers, and leaves nothing behind', async () => {
  const run = await home.rbee(['demo'], { env: { TMPDIR: temp } });
  assert.equal(run.code, 0, run.stderr);
  assert.ok(run.stdout.includes(demoSentence.trim()), run.stdout);
  assert.match(run.stdout, /llamacpp/);
  assert.deepEqual(readdirSync(temp), []);
  assert.deepEqual(left(), []);
  assert.equal((await home.json(['queen', 'status'])).status, 'stopped');
});

test('Ctrl-C leaves nothing behind either', async () => {
  const child = home.start(['demo'], { env: { TMPDIR: temp } });
  await until(() => left().length > 0, { what: 'a process of the demo' });
  child.kill('SIGINT');
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 130);
  await until(() => left().length === 0);
  assert.deepEqual(readdirSync(temp), []);
});

test('--keep leaves a queen and a worker running, and says how to end them', async () => {
  const run = await home.rbee(['demo', '--keep'], { env: { TMPDIR: temp } });
  assert.equal(run.code, 0, run.stderr);
  const folder = /RBEE_HOME=(\S+)/.exec(run.stdout)?.[1] ?? '';
  assert.ok(existsSync(folder), run.stdout);
  const { workers } = await home.json(['worker', 'list'], { env: { RBEE_HOME: folder } });
  assert.equal(workers.length, 1);
  assert.equal(workers[0].state, 'ready');
  for (const pid of left()) kill(Number(pid));
  await until(() => left().length === 0);
});
