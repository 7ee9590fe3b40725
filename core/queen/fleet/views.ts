/** What users see of hives and workers. */
import type { HiveState, HiveWorker } from '../../contract/api/hive-api.ts';
import type { HiveView } from '../../contract/api/queen-api.ts';
import type { WorkerView } from '../../contract/worker.ts';
import { methodsOf } from '../../contract/worker-type/served-path.ts';

/** States in which the worker's process may be alive. If the hive does not answer, such a worker is `lost`. */
const alive = new Set(['starting', 'loading', 'ready', 'sleeping', 'draining', 'stopping', 'unhealthy']);

/** Leaves out the key and the ports, which only the queen needs. `lost`: its hive does not answer. */
export const workerView = (worker: HiveWorker, hive: string, lost: boolean): WorkerView => {
  const {
    uid: _uid,
    apiKey: _key,
    serves,
    unserved: _unserved,
    closesOnlyWhenIdle: _closes,
    spec: _spec,
    suspect: _suspect,
    ...view
  } = worker;
  const kinds = [...new Set(serves.map(({ kind }) => kind))];
  const paths = serves.map((served) => `${methodsOf(served).join(', ')} ${served.path}`);
  return { ...view, kinds, paths, hive, state: lost && alive.has(view.state) ? 'lost' : view.state };
};

type About = Pick<HiveView, 'alias' | 'mode' | 'status' | 'since' | 'reason' | 'labels'>;

export const hiveView = (about: About, state: HiveState | undefined, workers: number): HiveView => ({
  ...about,
  hostname: state?.hostname ?? '',
  pid: about.status === 'online' ? (state?.pid ?? null) : null,
  version: state?.version ?? null,
  devices: state?.devices ?? [],
  memory: state?.memory ?? null,
  cpu: state?.cpu ?? null,
  workers,
  types: state?.catalog.filter(({ fault }) => fault === undefined).map(({ type }) => type) ?? [],
});
