/** Chooses the best variant and device for a worker. Pure: the caller judges the candidates. */
import type { RbeeError } from '../../contract/errors.ts';
import type { HiveNeed } from '../../contract/worker-type/needs.ts';

/** The judgement of one candidate. */
type Judged = { state: 'ready' } | { state: 'lacking'; need: HiveNeed } | { state: 'unfit'; error: RbeeError };
type Possible<Found> = Extract<Found, { state: 'ready' | 'lacking' }>;

export interface Choice<Candidate, Found> {
  candidate: Candidate;
  found: Possible<Found>;
}

/** The best that could run, even if something is missing. Throws why the best cannot run when none can. */
export const bestPossible = <Candidate, Found extends Judged>(
  candidates: readonly Candidate[],
  judge: (candidate: Candidate) => Promise<Found>,
): Promise<Choice<Candidate, Found>> => choose(candidates, judge, () => true);

/** The best that is ready to run; if there is none, the best that is missing something. Throws as above. */
export const bestReady = <Candidate, Found extends Judged>(
  candidates: readonly Candidate[],
  judge: (candidate: Candidate) => Promise<Found>,
): Promise<Choice<Candidate, Found>> => choose(candidates, judge, ({ state }) => state === 'ready');

const choose = async <Candidate, Found extends Judged>(
  candidates: readonly Candidate[],
  judge: (candidate: Candidate) => Promise<Found>,
  isGood: (found: Judged) => boolean,
): Promise<Choice<Candidate, Found>> => {
  let error: RbeeError | undefined;
  let second: Choice<Candidate, Found> | undefined;
  for (const candidate of candidates) {
    const found: Judged = await judge(candidate);
    if (found.state === 'unfit') {
      error ??= found.error;
      continue;
    }
    const choice = { candidate, found: found as Possible<Found> };
    if (isGood(found)) return choice;
    second ??= choice;
  }
  if (second) return second;
  throw error ?? new Error('no candidate was given');
};
