import { tempFolder } from '../process/testing.ts';
import { testRunner } from '../process/testing-runner.ts';
import { localRunner } from './local-runner.ts';

testRunner(async (t) => ({
  runner: localRunner,
  node: process.execPath,
  folder: await tempFolder(t),
  seen: (path) => path,
}));
