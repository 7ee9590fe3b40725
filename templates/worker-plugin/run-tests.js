/**
 * What `npm test` runs. An older Node does not see tests that are written in TypeScript and ends without an error, so
 * that is asked first. Plain JavaScript, which any Node reads.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const fail = (problem) => {
  console.error(problem);
  process.exit(1);
};

const { engines } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const needed = Number(/\d+/.exec(engines.node)[0]);
if (Number.parseInt(process.versions.node, 10) < needed) {
  fail(
    `the tests need Node ${engines.node}, and this is ${process.version} (${process.execPath}); ` +
      `install a newer one, or run: npx --yes --package=node@${needed} npm test`,
  );
}
const tests = readdirSync('.').filter((name) => name.endsWith('.test.ts'));
if (tests.length === 0) fail('there is no test: no file here ends with .test.ts');
const { status } = spawnSync(process.execPath, ['--test', ...tests], { stdio: 'inherit' });
process.exit(status ?? 1);
