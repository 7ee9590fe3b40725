/** The stand-in behaves like llama-server, which gets the same tests if available. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { resolveType } from '../../../core/conformance/index.ts';
import type from '../index.ts';
import { writeStandIn } from './stand-in-binary.ts';

const plugin = resolveType(type);

const folder = mkdtempSync(join(tmpdir(), 'rbee-stand-in-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const standIn = writeStandIn(folder);
const real = process.env['RBEE_LLAMA_SERVER'];
const run = (program: string, args: string[], env: Record<string, string> = {}) =>
  spawnSync(program, args, { encoding: 'utf8', env: { PATH: process.env['PATH'], ...env } });

for (const program of real ? [standIn, real] : [standIn]) {
  describe(`the program ${program === standIn ? 'of the stand-in' : 'llama-server'}`, () => {
    it('refuses unknown arguments with exit code 1', () => {
      const cases: [string[], RegExp][] = [
        [['--nope'], /^error: invalid argument: --nope$/m],
        [['--port', 'abc'], /error while handling argument "--port": stoi/],
        [['--device', 'Nope7'], /error while handling argument "--device": invalid device: Nope7/],
      ];
      for (const [args, says] of cases) {
        const { status, stderr } = run(program, args);
        assert.equal(status, 1);
        assert.match(stderr, says);
      }
    });

    it('prints its version to stderr and its devices to stdout', () => {
      const version = run(program, ['--version']);
      assert.equal(version.status, 0);
      assert.match(version.stderr, /^version: /m);
      const devices = run(program, ['--list-devices']);
      assert.equal(devices.status, 0);
      assert.match(devices.stdout, /^Available devices:\n/);
      const answer = plugin.probes[0]?.parse({ ...devices, code: devices.status }) as { ran: boolean };
      assert.equal(answer.ran, true);
    });
  });
}

describe('the stand-in with a GPU', () => {
  it('is listed and accepted', () => {
    const env = { STAND_IN_DEVICES: 'CUDA0: NVIDIA GeForce RTX 4090 (24077 MiB, 23000 MiB free)' };
    const { stdout, stderr, status } = run(standIn, ['--list-devices', '--device', 'CUDA0'], env);
    const answer = plugin.probes[0]?.parse({ stdout, stderr, code: status }) as { devices: { name: string }[] };
    assert.deepEqual(
      answer.devices.map(({ name }) => name),
      ['CUDA0'],
    );
  });
});
