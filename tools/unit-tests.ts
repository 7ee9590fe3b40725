/**
 * The test files that start no process: what `npm run test:unit` runs. A file is left out if it, or a helper that it
 * imports by one of these names, starts engines, daemons or machines.
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
