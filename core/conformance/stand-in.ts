/** Runs the fake engine instead of a type's program, with flags made from what the type declares. */

import { scriptBeside } from '../config/script-beside.ts';
import type { ResolvedType } from '../contract/worker-type/resolved-type.ts';
import type { Launch } from '../contract/worker-type/worker-type.ts';
import type { PluginUnderTest } from './plugin-under-test.ts';
import { progressLine } from './progress-line.ts';

export const fakeEngine = scriptBeside(import.meta.filename, 'fake-engine');

/** Makes the fake engine look like the type's own: its paths, how it becomes ready, its metrics. */
export const standInFlags = (plugin: PluginUnderTest, launch: Launch): string[] => {
  const { type } = plugin;
  return [
    `--port=${launch.port}`,
    // If the examiner is killed, its engines must end too.
    `--leash=${process.pid}`,
    `--model=${launch.names[0] ?? type.name}`,
    ...readyFlags(plugin),
    ...type.serves.map(({ path }) => `--serve=${path}`),
    ...(type.health.deep ? [`--serve=${withoutQuery(type.health.deep.path)}`] : []),
    ...(type.load ? [`--metrics-path=${withoutQuery(type.load.path)}`, `--running-metric=${type.load.running}`] : []),
    ...(type.load?.waiting === undefined ? [] : [`--waiting-metric=${type.load.waiting}`]),
    ...progressFlags(type),
  ];
};

const readyFlags = ({ type: { health } }: PluginUnderTest): string[] => {
  const live = health.live ? [`--live-path=${withoutQuery(health.live.path)}`] : [];
  if (health.ready.mode === 'callback') return ['--callback', ...live];
  if (health.ready.mode === 'log') {
    return [`--ready-line=${health.ready.example}`, ...live];
  }
  const { loadingStatus = [503] } = health;
  const ready = [200, 204, 202, 201].find((status) => !loadingStatus.includes(status)) ?? 200;
  return [
    `--health-path=${withoutQuery(health.ready.path)}`,
    `--loading-status=${loadingStatus[0] ?? 503}`,
    `--ready-status=${ready}`,
    ...live,
  ];
};

const progressFlags = ({ health }: ResolvedType): string[] => {
  const line = progressLine(health, '{percent}');
  return line === undefined ? [] : [`--load-text=${line}`];
};

const withoutQuery = (path: string): string => path.split('?', 1)[0] ?? path;
