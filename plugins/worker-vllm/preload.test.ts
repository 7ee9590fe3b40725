import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-preload-')));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'env/bin'), { recursive: true });
mkdirSync(join(folder, 'env/lib'));
const library = join(folder, 'env/lib/libiomp5.so');
const program = join(folder, 'env/bin/vllm');
writeFileSync(program, '#!/bin/sh\nprintf "%s\\n" "$LD_PRELOAD" "$KEPT" "$@"\nexit 7\n', { mode: 0o755 });

const script = join(import.meta.dirname, 'preload.ts');
const run = (path: string, ...args: string[]) =>
  spawnSync(process.execPath, [script, path, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], KEPT: 'kept' },
  });

describe('the preload script of vLLM for the CPU', () => {
  it('becomes the program, with its arguments, environment and exit code', () => {
    const { status, stdout } = run(program, 'serve', '/models/a b', '--x={"y": 1}');
    assert.equal(status, 7);
    assert.deepEqual(stdout.split('\n').slice(1, 5), ['kept', 'serve', '/models/a b', '--x={"y": 1}']);
  });

  it('loads the OpenMP of the environment first, also through a link', () => {
    writeFileSync(library, '');
    const link = join(folder, 'vllm');
    symlinkSync(program, link);
    for (const path of [program, link]) assert.equal(run(path).stdout.split(/[\n:]/)[0], library);
    rmSync(library);
  });

  it('reports a missing program', () => {
    const { status, stderr } = run(join(folder, 'gone'));
    assert.equal(status, 127);
    assert.match(stderr, /vllm: error: .*gone cannot be started/);
  });
});
