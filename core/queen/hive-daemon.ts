/** The hive of this machine as a process of its own. */
import type { Paths } from '../config/paths.ts';
import type { Narrate } from '../contract/narration.ts';
import { Daemon } from '../lifecycle/daemon/daemon.ts';
import { localRunner } from '../lifecycle/system/local-runner.ts';
import { daemonSpec } from './client/daemon-spec.ts';

export interface HiveDaemonOptions {
  paths: Paths;
  env: NodeJS.ProcessEnv;
  narrate?: Narrate;
  signal?: AbortSignal;
}

/** Makes it run and answer. Errors: START_FAILED with its last words, TIMEOUT. */
export const ensureHive = async ({ paths, env, narrate, signal }: HiveDaemonOptions): Promise<void> => {
  await hiveDaemon(paths, env).ensureRunning({ narrate, signal });
};

/** Ends it, if it runs; its workers go on. */
export const stopHive = async ({ paths, env, narrate, signal }: HiveDaemonOptions): Promise<void> => {
  narrate?.({ kind: 'step', id: 'stop hive', text: 'stopping hive' });
  const stopped = await hiveDaemon(paths, env).stop({ narrate, signal });
  narrate?.({
    kind: 'done',
    id: 'stop hive',
    text: stopped ? 'hive stopped, its workers go on' : 'hive was not running',
  });
};

const hiveDaemon = (paths: Paths, env: NodeJS.ProcessEnv): Daemon =>
  new Daemon({ spec: () => daemonSpec('hive', paths, env), runner: localRunner, env });
