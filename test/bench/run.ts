/**
 * Runs the benches: `npm run bench`, or `npm run bench -- cli list` for some of them. Every figure comes with a
 * baseline that was measured alternately with it, since a figure alone says more about the machine than about rbee.
 * Slow results never fail. `--rounds N` measures each thing N times, `--json FILE` writes the rows.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { terminalOf } from '../../core/narration/text.ts';
import { cli } from './cli.ts';
import { crash } from './crash.ts';
import type { Bench, Row } from './harness/bench.ts';
import { root } from './harness/programs.ts';
import { formatRows } from './harness/report.ts';
import { heartbeats } from './heartbeats.ts';
import { install } from './install.ts';
import { keys } from './keys.ts';
import { list } from './list.ts';
import { many } from './many.ts';
import { memory } from './memory.ts';
import { plugins } from './plugins.ts';
import { spawn } from './spawn.ts';
import { syncNoop } from './sync-noop.ts';
import { syncPlan } from './sync-plan.ts';
import { syncStream } from './sync-stream.ts';
import { syncTen } from './sync-ten.ts';
import { tokens } from './tokens.ts';
import { tunnel } from './tunnel.ts';

const benches: Readonly<Record<string, Bench>> = {
  cli,
  many,
  crash,
  spawn,
  list,
  keys,
  tokens,
  memory,
  install,
  plugins,
  heartbeats,
  tunnel,
  'sync-plan': syncPlan,
  'sync-noop': syncNoop,
  'sync-stream': syncStream,
  'sync-ten': syncTen,
};
/** A bench that hangs is ended, and the others still run. */
const limitMs = 900_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, json: { type: 'string' } },
});
const rounds = Number(values.rounds);
const names = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = names.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  console.error(`usage: npm run bench -- [--rounds N] [--json FILE] [${Object.keys(benches).join('|')}]…`);
  process.exit(2);
}
if (!existsSync(join(root, 'core/dist/keeper/main.js'))) {
  console.error('the benches measure the build: run npm run build first');
  process.exit(2);
}

let cleanup = new AsyncDisposableStack();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanup.disposeAsync().finally(() => process.exit(130)));
}

const runBench = async (bench: Bench): Promise<Row[]> => {
  cleanup = new AsyncDisposableStack();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([bench({ rounds, cleanup }), late]);
  } finally {
    clearTimeout(timer);
    await cleanup.disposeAsync();
  }
};

const rows: Row[] = [];
for (const name of names) {
  const begun = performance.now();
  process.stderr.write(`${name} …`);
  try {
    rows.push(...(await runBench(benches[name]!)));
    process.stderr.write(` ${Math.round((performance.now() - begun) / 1000)} s\n`);
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(` failed: ${error instanceof Error ? error.stack : error}\n`);
  }
}
const terminal = { ...terminalOf(process.stdout, process.env), width: Number.POSITIVE_INFINITY };
process.stdout.write(formatRows(rows, terminal));
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
// Leftovers of an ended bench must not keep this process alive.
process.exit();
