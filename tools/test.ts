/**
 * Runs everything that must hold: build, linter, types, then all tests. `npm test -- PATTERN …` runs only the test files
 * that match, without the checks.
 *
 * `RBEE_TEST_SCALE=full` runs the long loops at full length. In CI (`CI=true`) a skipped test is a failure.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installTestNeeds } from './test-needs.ts';

const root = join(import.meta.dirname, '..');
const bin = (name: string): string => join(root, 'node_modules/.bin', name);
const scratch = mkdtempSync(join(tmpdir(), 'rbee-test-'));
const skips = join(scratch, 'skips');
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): void => {
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
};

/** What hundreds of processes start is built once. */
const builtOnce = { ...process.env, RBEE_BUILT_SCRIPTS: '1' };

/** What hundreds of processes load is compiled once. */
const compiledOnce = { ...builtOnce, NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/rbee-tests') };

const runTests = (args: readonly string[], env: NodeJS.ProcessEnv = compiledOnce): void => {
  const options = [
    '--test',
    // More than there are cores: most files wait for processes most of the time.
    '--test-concurrency=6',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'tools/skip-reporter.ts')}`,
    `--test-reporter-destination=${skips}`,
  ];
  run(process.execPath, [...options, ...args], env);
  const skipped = readFileSync(skips, 'utf8').trim();
  if (skipped !== '' && process.env['CI'] === 'true') {
    console.error(`In CI a skipped test is a failure:\n${skipped}`);
    process.exit(1);
  }
};

/** All but the lifecycle, which runs by itself. */
const foldersOfCore = readdirSync(join(root, 'core'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['dist', 'lifecycle', 'node_modules'].includes(entry.name))
  .map(({ name }) => name);

installTestNeeds();
run(process.execPath, [join(root, 'tools/build.ts')]);

const patterns = process.argv.slice(2);
if (patterns.length > 0) {
  runTests(patterns);
} else {
  run(bin('biome'), ['check', '--error-on-warnings', '.']);
  run(bin('tsc'), ['-p', 'tsconfig.json']);
  // The lifecycle owns every process that rbee starts, so its tests must reach it nearly whole.
  const coverage = [
    '--experimental-test-coverage',
    '--test-coverage-include=core/lifecycle/**/*.ts',
    '--test-coverage-exclude=**/*.test.ts',
    '--test-coverage-lines=90',
  ];
  // Code from the cache is covered with less precision.
  runTests([...coverage, 'core/lifecycle/**/*.test.ts'], builtOnce);
  runTests([
    ...foldersOfCore.map((name) => `core/${name}/**/*.test.ts`),
    'plugins/**/*.test.ts',
    'test/**/*.test.ts',
    'tools/**/*.test.ts',
  ]);
}
