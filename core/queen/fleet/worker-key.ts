/** Names of workers in the fleet. An id is unique on its hive only. */

/** A worker as people name it: its id, and its hive if the id is ambiguous. */
export interface WorkerName {
  worker: string;
  hive?: string;
}

/** Key of a worker in tables. Neither part can contain a slash. */
export const workerKey = (hive: string, id: string): string => `${hive}/${id}`;

/** The inverse of `workerKey`. */
export const workerName = (key: string): Required<WorkerName> => {
  const at = key.indexOf('/');
  return { hive: key.slice(0, at), worker: key.slice(at + 1) };
};
