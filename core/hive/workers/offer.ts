/** What a worker serves and can do, out of everything its type supports: depends on the chosen program and options. */
import { RbeeError } from '../../contract/errors.ts';
import type { PreparedLaunch, ServedPath, UnservedPath } from '../../contract/worker-type/worker-type.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { LaunchDraft } from './launch-draft.ts';

export type Offer = Pick<LaunchDraft, 'serves' | 'unserved' | 'abilities' | 'slots' | 'forecast'>;

type Asked = Pick<WorkerTypeHandle, 'plugin' | 'unserved' | 'abilities' | 'slots' | 'forecast'>;

/** Throws PLUGIN_FAILED. */
export const offerOf = async (
  handle: Asked,
  type: Pick<TypeDescription, 'name' | 'serves'>,
  launch: PreparedLaunch,
): Promise<Offer> => {
  const [ruledOut, abilities, slots, forecast] = await Promise.all([
    handle.unserved(launch),
    handle.abilities(launch),
    handle.slots(launch.options),
    handle.forecast(launch),
  ]);
  const failed = (problem: string) =>
    RbeeError.of('PLUGIN_FAILED', { plugin: handle.plugin.package, member: 'unserved', problem });
  const declared = type.serves as readonly ServedPath[];
  const stranger = ruledOut.find(({ path }) => !declared.some((served) => served.path === path));
  if (stranger) throw failed(`serves has no ${stranger.path}`);
  const unserved = declared.flatMap((served) => unmet(served, launch) ?? ruledOut.find(isOf(served)) ?? []);
  const serves = declared.filter((served) => !unserved.some(isOf(served)));
  if (serves.length === 0) throw failed(`with ${launch.binary.id} and these options it serves nothing`);
  return {
    serves: serves.map(({ needs: _needs, ...served }) => served),
    unserved,
    abilities,
    ...(slots !== undefined && { slots }),
    ...(forecast && { forecast }),
  };
};

const isOf =
  (served: ServedPath) =>
  ({ path }: UnservedPath): boolean =>
    path === served.path;

/** Why the needs of a path are not met; undefined when they are. */
const unmet = ({ path, needs }: ServedPath, { binary, options }: PreparedLaunch): UnservedPath | undefined => {
  const engines = needs?.engine === undefined ? [binary.id] : [needs.engine].flat();
  if (!engines.includes(binary.id))
    return { path, hint: `it is served by ${engines.join(' or ')}, not by ${binary.id}` };
  if (needs?.option === undefined || options[needs.option] === true) return undefined;
  return { path, hint: `start a worker with --option ${needs.option}=true` };
};
