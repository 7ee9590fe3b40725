/** Ids of workers that are alike: more of them leave the ids of the first ones as they are. */

/** The id of the replica of this number, from 1. */
export const replicaId = (name: string, replica: number): string => (replica === 1 ? name : `${name}-r${replica}`);

export const replicaIds = (name: string, replicas: number): string[] =>
  Array.from({ length: replicas }, (_, index) => replicaId(name, index + 1));
