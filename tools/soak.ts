/**
 * Endurance tests, which run for longer than `npm test`: `npm run soak` lists them, `npm run soak -- NAME` runs one. A run
 * stops at the first failure and keeps its output in files.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { installTestNeeds } from './test-needs.ts';

interface Soak {
  summary: string;
  file: string;
  /** Variables that set the seed of the test. */
  env: (seed: number) => Record<string, string>;
}

const soaks: Readonly<Record<string, Soak>> = {
  storm: {
    summary: 'randomly kills, stops and resumes everything on two machines while clients change workers',
    file: 'test/chaos/storm.test.ts',
    env: (seed) => ({ RBEE_STORM_SEED: String(seed) }),
  },
};

const usage = 'npm run soak -- NAME [--seeds N] [--seed FIRST]';
const root = join(import.meta.dirname, '..');

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    options: { seeds: { type: 'string', default: '10' }, seed: { type: 'string' } },
    allowPositionals: true,
  });
  const [name] = positionals;
  if (name === undefined) {
    const width = Math.max(...Object.keys(soaks).map(({ length }) => length));
    for (const [each, { summary }] of Object.entries(soaks)) console.log(`${each.padEnd(width)}  ${summary}`);
    console.log(`\n${usage}`);
    return 0;
  }
  const soak = Object.hasOwn(soaks, name) ? soaks[name] : undefined;
  const seeds = Number(values.seeds);
  const first = values.seed === undefined ? 1 + Math.floor(Math.random() * 1_000_000) : Number(values.seed);
  if (!soak || positionals.length > 1 || !isCount(seeds) || !isCount(first)) {
    console.error(usage);
    return 2;
  }
  installTestNeeds();
  const logs = mkdtempSync(join(tmpdir(), `rbee-soak-${name}-`));
  const build = join(logs, 'build.log');
  const skips = join(logs, 'skips');
  if ((await run([join(root, 'tools/build.ts')], {}, build)) !== 0) return failed(`the build failed: ${build}`);
  for (let seed = first; seed < first + seeds; seed += 1) {
    const log = join(logs, `seed-${seed}.log`);
    const began = performance.now();
    const code = await run([...testing(skips), join(root, soak.file)], soak.env(seed), log);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    if (code !== 0) return failed(`seed ${seed} failed after ${seconds} s: ${log}`);
    const skipped = readFileSync(skips, 'utf8').trim();
    if (skipped !== '') return failed(`the test was skipped: ${skipped}`);
    console.log(`seed ${seed} passed (${seconds} s)`);
  }
  console.log(`${seeds} seeds from ${first} passed; logs: ${logs}`);
  return 0;
};

const testing = (skips: string): string[] => [
  '--test',
  '--test-reporter=spec',
  '--test-reporter-destination=stdout',
  `--test-reporter=${join(root, 'tools/skip-reporter.ts')}`,
  `--test-reporter-destination=${skips}`,
];

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0;

const failed = (text: string): number => {
  console.error(text);
  return 1;
};

/** Runs Node with its output in a file. Returns the exit code. */
const run = async (args: readonly string[], env: Record<string, string>, log: string): Promise<number> => {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  await pipeline(child.stdout, createWriteStream(log));
  return await ended;
};

process.exitCode = await main();
