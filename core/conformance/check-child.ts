/** The process that examines one package: `check-child.ts FOLDER`. Reports results over IPC, and ends with its parent. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asRbeeError } from '../contract/errors.ts';
import type { WorkerType } from '../contract/worker-type/worker-type.ts';
import { Evaluator } from '../worker-types/evaluator.ts';
import { type PluginManifest, readManifest, type WorkerTypeManifest } from '../worker-types/manifest.ts';
import { checkBuilt } from '../worker-types/worker-type-handle.ts';
import type { CheckMessage } from './check-messages.ts';
import { PluginUnderTest } from './plugin-under-test.ts';
import { runChecks } from './run-checks.ts';

const tell = (message: CheckMessage): Promise<void> =>
  new Promise((resolve) => process.send?.(message, () => resolve()));

const examineType = async (plugin: PluginManifest, manifest: WorkerTypeManifest): Promise<void> => {
  await tell({ kind: 'type', type: manifest.name });
  const problem = await loadProblem(plugin, manifest);
  if (problem !== null) {
    const title = 'its code loads in a sandbox that can only read its own folder';
    const result = { id: 'purity.sandbox-loads', title, outcome: 'failed', reason: problem, ms: 0 } as const;
    return await tell({ kind: 'result', result });
  }
  const module = (await import(pathToFileURL(join(plugin.root, manifest.entry)).href)) as { default: WorkerType };
  const underTest = new PluginUnderTest(module.default, { root: plugin.root });
  try {
    await runChecks(underTest, (result) => void tell({ kind: 'result', result }));
  } finally {
    underTest.close();
  }
};

/** Why its code cannot be loaded in a hive's sandbox. Such code is not loaded here either. */
const loadProblem = async (plugin: PluginManifest, manifest: WorkerTypeManifest): Promise<string | null> => {
  const evaluator = new Evaluator(plugin.package, plugin.root);
  try {
    await evaluator.describe(manifest.entry);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    evaluator.close();
  }
};

process.on('disconnect', () => process.exit(1));
try {
  const plugin = await readManifest(process.argv[2] ?? '');
  for (const manifest of plugin.workerTypes) await checkBuilt(plugin, manifest, true);
  await tell({ kind: 'package', package: plugin.package, version: plugin.version });
  for (const manifest of plugin.workerTypes) await examineType(plugin, manifest);
  await tell({ kind: 'done' });
} catch (error) {
  await tell({ kind: 'error', error: asRbeeError(error, 'the examiner').toJSON() });
}
