/**
 * `npm test` builds, lints, checks types, and runs all tests. `npm test -- PATTERN …` builds and runs the matching test
 * files; `npm run test:unit` builds and runs those that start no process.
 *
 * `RBEE_TEST_SCALE=full` runs long loops at full length. In CI (`CI=true`) a skipped test fails the full run.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installTestNeeds } from './test-needs.ts';
import { unitTests } from './unit-tests.ts';

const root = join(import.meta.dirname, '..');
const bin = (name: string): string => join(root, 'node_modules/.bin', name);
const scratch = mkdtempSync(join(tmpdir(), 'rbee-test-'));
const skips = join(scratch, 'skips');
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const run = (program: string, ...args: string[]): Promise<void> =>
  new Promise((done) => {
    const child = spawn(program, args, { cwd: root, stdio: 'inherit' });
    child.once('close', (code) => (code === 0 ? done() : process.exit(code ?? 1)));
  });

/** Hundreds of processes run these scripts: use the built ones. */
const builtOnce = { ...process.env, RBEE_BUILT_SCRIPTS: '1' };

/** Hundreds of processes load the same code: compile it once. */
const compiledOnce = { ...builtOnce, NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/rbee-tests') };

/** Runs test files. Returns the exit status and, with `later`, the output instead of printing it. */
const runTests = (args: readonly string[], env: NodeJS.ProcessEnv, show: 'now' | 'later' = 'now') => {
  const options = [
    '--test',
    // More than there are cores: most files spend their time waiting for processes.
    '--test-concurrency=6',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'tools/skip-reporter.ts')}`,
    `--test-reporter-destination=${skips}-${show}`,
  ];
  const output = show === 'now' ? 'inherit' : 'pipe';
  const child = spawn(process.execPath, [...options, ...args], { cwd: root, stdio: ['inherit', output, output], env });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  return new Promise<{ status: number; printed: string }>((done) =>
    child.once('close', (code) => done({ status: code ?? 1, printed })),
  );
};

/** Exits with the worst of these results. In CI a skipped test is a failure. */
const conclude = (...results: { status: number; printed: string }[]): void => {
  for (const { printed } of results) process.stdout.write(printed);
  const skipped = ['now', 'later']
    .map((show) => `${skips}-${show}`)
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, 'utf8').trim())
    .filter((text) => text !== '');
  if (skipped.length > 0 && process.env['CI'] === 'true') {
    console.error(`In CI a skipped test is a failure:\n${skipped.join('\n')}`);
    process.exitCode = 1;
  }
  process.exitCode = Math.max(Number(process.exitCode ?? 0), ...results.map(({ status }) => status));
};

/** All but `lifecycle`, which runs separately. */
const foldersOfCore = readdirSync(join(root, 'core'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['dist', 'lifecycle', 'node_modules'].includes(entry.name))
  .map(({ name }) => name);

const patterns = process.argv.slice(2);
const onlyUnits = patterns[0] === '--unit';
if (!onlyUnits) installTestNeeds();
await run(process.execPath, join(root, 'tools/build.ts'));

if (onlyUnits) {
  const { status } = await runTests(unitTests(root), compiledOnce);
  process.exitCode = status;
} else if (patterns.length > 0) {
  conclude(await runTests(patterns, compiledOnce));
} else {
  await Promise.all([run(bin('biome'), 'check', '--error-on-warnings', '.'), run(bin('tsc'), '-p', 'tsconfig.json')]);
  // `lifecycle` owns every process that rbee starts, so its tests must cover nearly all of it.
  const coverage = [
    '--experimental-test-coverage',
    '--test-coverage-include=core/lifecycle/**/*.ts',
    '--test-coverage-exclude=**/*.test.ts',
    '--test-coverage-lines=90',
  ];
  const [others, lifecycle] = await Promise.all([
    runTests(
      [
        ...foldersOfCore.map((name) => `core/${name}/**/*.test.ts`),
        'plugins/**/*.test.ts',
        'test/**/*.test.ts',
        'tools/**/*.test.ts',
      ],
      compiledOnce,
    ),
    // The compile cache makes coverage less precise.
    runTests([...coverage, 'core/lifecycle/**/*.test.ts'], builtOnce, 'later'),
  ]);
  conclude(others, lifecycle);
}
