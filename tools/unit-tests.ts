/**
 * The test files that `npm run test:unit` runs: those that start no process, judged by their imports.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const startsProcesses = [
  /from 'node:child_process'/,
  // Helpers beside the code that start fake engines, daemons and servers.
  /from '[^']*\/testing(?:\/|[\w-]*\.ts')/,
  // The harness of the end-to-end tests, and that of the plugins.
  /from '(?:\.\.\/)+test\//,
  /from '@rbee\/test\/plugin-worker'/,
];

/** Folders whose tests run real workers. */
const exclude = [
  'core/conformance/**',
  'plugins/*/test/**',
  'plugins/*/conformance.test.ts',
  '**/{node_modules,dist}/**',
];

export const unitTests = (root: string): string[] =>
  globSync('{core,plugins,tools}/**/*.test.ts', { cwd: root, exclude })
    .filter((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return !startsProcesses.some((pattern) => pattern.test(text));
    })
    .sort();
