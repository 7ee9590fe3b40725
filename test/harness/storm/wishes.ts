/** The expected state after a storm, derived from the requests of each client and their answers. */
import { type Attempt, ownId } from './clients.ts';
import { type Change, hives, sharedIds } from './plan.ts';

/** `either`: the last requests overlapped or were interrupted, so several end states are right. */
export type Wish = 'running' | 'stopped' | 'gone' | 'either';

export interface Wished {
  hive: string;
  id: string;
  wish: Wish;
}

/** Started before the storm; no client touches it. */
export const steadyId = (hive: string): string => `steady-${hive}`;

export const wishesOf = (attempts: readonly Attempt[]): Wished[] =>
  hives.flatMap((hive) => [
    { hive, id: steadyId(hive), wish: 'running' as const },
    { hive, id: ownId(hive), wish: ownWish(attempts, ownId(hive)) },
    ...sharedIds.map((id) => ({ hive, id, wish: sharedWish(attempts, hive, id) })),
  ]);

/** One client repeats each change until it is done: it wants the last change that succeeded. */
const ownWish = (attempts: readonly Attempt[], id: string): Wish => {
  const mine = attempts.filter(({ request }) => request.id === id);
  const last = mine.findLast(({ outcome }) => outcome === 'done');
  if (mine.at(-1) !== last) return 'either';
  return last === undefined ? 'gone' : effects[last.request.change];
};

/** The last change counts if all others had ended before it began. An interrupted one may take effect at any time. */
const sharedWish = (attempts: readonly Attempt[], hive: string, id: string): Wish => {
  const touching = attempts.filter(
    (one) =>
      one.request.id === id &&
      one.outcome !== 'refused' &&
      (one.hive === null ? mayBeOn(one, hive) : one.hive === hive),
  );
  if (touching.length === 0) return 'gone';
  const last = touching.find(
    (one) => one.outcome === 'done' && touching.every((other) => other === one || endOf(other) < one.began),
  );
  return last === undefined ? 'either' : effects[last.request.change];
};

const mayBeOn = ({ request }: Attempt, hive: string): boolean => request.hive === null || request.hive === hive;

const endOf = ({ outcome, ended }: Attempt): number =>
  outcome === 'done' && ended !== null ? ended : Number.POSITIVE_INFINITY;

const effects: Readonly<Record<Change, Wish>> = {
  spawn: 'running',
  start: 'running',
  restart: 'running',
  stop: 'stopped',
  delete: 'gone',
};
