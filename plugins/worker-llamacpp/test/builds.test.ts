/** Flags of llama-server differ between builds: each build is started with those that it knows. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { resolveType } from '../../../core/conformance/index.ts';
import { chainModel } from '../demo/chain-model.ts';
import type from '../index.ts';
import { type Engine, launchWorker, standIn, until } from './worker.ts';

const plugin = resolveType(type);

const folder = mkdtempSync(join(tmpdir(), 'rbee-builds-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const demo = join(folder, 'demo.gguf');
writeFileSync(demo, chainModel());

const real = process.env['RBEE_LLAMA_SERVER'];
const builds: Engine[] = [
  ...['old', 'between', 'new'].map((build) => ({
    ...standIn,
    name: `a build that is ${build}`,
    env: { STAND_IN_BUILD: build },
  })),
  ...(real ? [{ name: 'the real llama-server', id: 'llama-server', argv: [real] }] : []),
];

const probe = ({ argv: [program = '', ...first], env }: Engine) =>
  Object.fromEntries(
    plugin.probes.map(({ id, args, parse }) => {
      const said = spawnSync(program, [...first, ...args], {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], ...env },
      });
      return [id, parse({ stdout: said.stdout, stderr: said.stderr, code: said.status })];
    }),
  );

// From autumn 2026 on, llama-server does not know --no-mmap and --mlock, and ended with "error: invalid argument".
for (const build of builds) {
  describe(build.name, () => {
    const probes = probe(build);
    const modes: [options: { mmap?: boolean; mlock?: boolean }, mode: string][] = [
      [{}, 'mmap'],
      [{ mmap: false }, 'none'],
      [{ mmap: false, mlock: true }, 'mlock'],
      [{ mlock: true }, 'mmap+mlock'],
    ];
    for (const [options, mode] of modes) {
      it(`starts with the load mode ${mode}`, async () => {
        const worker = await launchWorker(build, { model: demo, options, probes });
        try {
          await until(
            () => worker.child.exitCode !== null || worker.log.some((line) => line.includes('loading model')),
          );
          assert.equal(worker.child.exitCode, null, worker.log.join('\n'));
          if (build.id === standIn.id && build.env)
            assert.ok(worker.log.join('\n').includes(`(${mode})`), worker.log.join('\n'));
        } finally {
          await worker.end();
        }
      });
    }
  });
}
