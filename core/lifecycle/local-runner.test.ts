import { localRunner } from './local-runner.ts';
import { tempFolder } from './testing.ts';
import { testRunner } from './testing-runner.ts';

testRunner(async (t) => ({
  runner: localRunner,
  node: process.execPath,
  folder: await tempFolder(t),
  seen: (path) => path,
}));
