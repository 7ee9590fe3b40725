/** Ids of replicas. Adding replicas keeps the ids of the existing ones. */

/** The id of a replica; numbers start at 1. */
export const replicaId = (name: string, replica: number): string => (replica === 1 ? name : `${name}-r${replica}`);

export const replicaIds = (name: string, replicas: number): string[] =>
  Array.from({ length: replicas }, (_, index) => replicaId(name, index + 1));
