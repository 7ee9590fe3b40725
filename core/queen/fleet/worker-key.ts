/** Names of workers in the whole fleet. An id is unique on its hive only. */

/** A worker as people name it: by its id, and by its hive where several have one with that id. */
export interface WorkerName {
  worker: string;
  hive?: string;
}

/** What tables of workers are keyed by: neither part can contain the slash. */
export const workerKey = (hive: string, id: string): string => `${hive}/${id}`;

/** The worker that a key names. */
export const workerName = (key: string): Required<WorkerName> => {
  const at = key.indexOf('/');
  return { hive: key.slice(0, at), worker: key.slice(at + 1) };
};
