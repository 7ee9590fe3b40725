/** Starting and stopping hives. */
import { RbeeError } from '../../contract/errors.ts';
import type { LocalHive } from '../local-hive.ts';
import type { Handler, Parts } from './parts.ts';

export const hiveStart =
  (parts: Parts): Handler<'hive_start'> =>
  async ({ hive }, { narrate, signal }) => {
    const member = parts.fleet.member(hive);
    await manageable(parts, hive, 'start').start({ narrate, signal });
    return member.views.hive;
  };

export const hiveStop =
  (parts: Parts): Handler<'hive_stop'> =>
  async ({ hive }, { narrate, signal }) => {
    const member = parts.fleet.member(hive);
    await manageable(parts, hive, 'stop').stop({ narrate, signal });
    return member.views.hive;
  };

/** A hive that is part of the queen's own process lives and ends with her. */
const manageable = ({ fleet, localHive }: Parts, hive: string, command: 'start' | 'stop'): LocalHive => {
  const { mode } = fleet.member(hive).connection;
  if (localHive?.alias === hive && !localHive.isAttached) return localHive;
  const action = command === 'start' ? 'started' : 'stopped';
  const instead = command === 'start' ? 'restart' : 'stop';
  if (mode === 'attached') throw RbeeError.of('HIVE_ATTACHED', { hive, action, command: instead });
  throw RbeeError.of('HIVE_NOT_RUNNING', { hive });
};
