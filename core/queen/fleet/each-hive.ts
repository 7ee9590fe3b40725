/** Asks several hives concurrently. A hive that fails is reported beside the answers of the others. */

import type { AbsentHive } from '../../contract/api/queen-api.ts';
import { asRbeeError } from '../../contract/errors.ts';
import type { Fleet } from './fleet.ts';
import type { Member } from './member.ts';

/**
 * The answers of all online hives, or of `hive` alone. Throws the error of that one, and the reason of an aborted
 * signal.
 */
export const askEach = async <Answer>(
  fleet: Fleet,
  hive: string | undefined,
  ask: (member: Member) => Promise<Answer>,
  signal?: AbortSignal,
): Promise<{ answers: Answer[]; absent: AbsentHive[] }> => {
  if (hive !== undefined) return { answers: [await ask(fleet.online(hive))], absent: [] };
  const online = [...fleet.members()].filter(({ status }) => status === 'online');
  const asked = await Promise.allSettled(online.map(ask));
  signal?.throwIfAborted();
  const answers = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const absent = asked.flatMap((one, at) => {
    const member = online[at];
    if (one.status === 'fulfilled' || !member) return [];
    const { alias } = member.connection;
    return [{ hive: alias, status: member.status, reason: asRbeeError(one.reason, `hive ${alias}`).message }];
  });
  return { answers, absent };
};
