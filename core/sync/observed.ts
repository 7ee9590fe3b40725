/** From what hives report to the input of a plan. */

import type { HiveState } from '../contract/api/hive-api.ts';
import type { ObservedHive } from '../contract/api/sync.ts';
import type { ErrorBody } from '../contract/errors.ts';
import type { ModelView } from '../contract/models.ts';
import type { PluginView } from '../contract/plugins.ts';

type Machine = Pick<ObservedHive, 'alias' | 'hostname'>;

const nothing = { error: null, version: null, platform: null, types: [], models: [], workers: [] } as const;

/** A machine that cannot be observed. */
export const unreachableHive = ({ alias, hostname }: Machine, error: ErrorBody): ObservedHive => ({
  ...nothing,
  alias,
  hostname,
  status: 'unreachable',
  error,
  complete: false,
});

/** A machine without rbee. Remains of an earlier installation show only once a hive runs. */
export const absentHive = ({ alias, hostname }: Machine, platform: string | null = null): ObservedHive => ({
  ...nothing,
  alias,
  hostname,
  status: 'absent',
  platform,
  complete: false,
});

/** A machine whose hive does not run. */
export const stoppedHive = (
  { alias, hostname }: Machine,
  { version, platform = null }: { version: string | null; platform?: string | null },
): ObservedHive => ({ ...nothing, alias, hostname, status: 'stopped', version, platform, complete: false });

export interface OnlineFacts {
  /** The build that `current` points to; null for the queen's own machine. */
  version: string | null;
  platform: string | null;
  state: HiveState;
  models: readonly ModelView[];
  /** For a hive whose catalog does not report the contents of its plugins. */
  plugins?: readonly PluginView[];
}

export const onlineHive = ({ alias, hostname }: Machine, facts: OnlineFacts): ObservedHive => {
  const { version, platform, state, models, plugins = [] } = facts;
  return {
    alias,
    hostname,
    status: 'online',
    error: null,
    version,
    platform,
    complete: true,
    types: state.catalog.map(({ type, plugin, version, integrity, installed, source, fault }) => ({
      type,
      package: plugin,
      version,
      integrity: integrity ?? plugins.find((one) => one.name === plugin && one.version === version)?.integrity ?? null,
      variants: installed,
      source,
      fault: fault ?? null,
    })),
    models: models.map(({ model, complete }) => ({ model, complete })),
    workers: state.workers.map(({ id, type, state, pluginVersion, declaration, spec, names, reference }) => ({
      id,
      type,
      state,
      pluginVersion,
      declaration: declaration ?? null,
      spec: spec ?? null,
      name: reference === null ? null : (names[0] ?? null),
    })),
  };
};
