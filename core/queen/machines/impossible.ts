/**
 * What hives.conf asks for that cannot be: types and versions that do not exist, options that a type refuses, devices
 * that a machine lacks. Each is told with its line and what may have been meant.
 */
import semver from 'semver';
import { deviceIds, parseDevice } from '../../contract/device.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { CatalogEntry } from '../../contract/hive-api.ts';
import type { DeclaredRun, DeclaredType, HiveDeclaration } from '../../contract/sync.ts';
import type { DeviceFacts } from '../../contract/worker-type.ts';
import { nearest } from '../../narration/near.ts';
import { resolveOptions } from '../../registry/worker-options.ts';
import type { TypesHere } from './known-types.ts';

/** Where something stands in hives.conf. */
interface Place {
  file: string;
  hive: string;
  line: number;
}

/** Why a type cannot be had, said of its place in the file; what no one can mend there is left as it is. */
export const explainType = (
  error: RbeeError,
  { type, version, ...place }: Place & Pick<DeclaredType, 'type' | 'version'>,
  { names, here }: TypesHere,
): RbeeError => {
  const known = entryOf(type, here);
  if (error.code === 'VERSION_NOT_FOUND') return impossible(place, versionProblem(type, version), error.hint);
  const isMissing = error.code === 'PACKAGE_NOT_FOUND';
  if (!isMissing && error.code !== 'REGISTRY_UNREACHABLE') return error;
  if (known && !isHere(known, version)) {
    const hint = `ask for ${known.version}, which is on this machine; elsewhere ${error.message}`;
    return impossible(place, versionProblem(type, version), hint);
  }
  const near = names.includes(type) ? [] : nearest(type, names);
  // Whether it exists is not known; a name that is nearly right is a slip of the pen all the same.
  if (!isMissing && near.length === 0) return error;
  const hint =
    near.length > 0
      ? `did you mean ${near.join(' or ')}?`
      : `known are: ${names.join(', ')}; look for others with: rbee plugins search`;
  return impossible(place, `there is no worker type ${type}`, hint);
};

/** What workers ask for that their type or their machine has not; `devices` where they are known. */
export const runProblems = async (
  file: string,
  { alias, run }: HiveDeclaration,
  { here }: TypesHere,
  { devices, isMeant }: { devices?: readonly DeviceFacts[]; isMeant: (entry: CatalogEntry) => boolean },
): Promise<RbeeError[]> => {
  const problems: RbeeError[] = [];
  for (const entry of run) {
    const place = { file, hive: alias, line: entry.line };
    const type = entryOf(entry.type, here);
    if (type && isMeant(type)) problems.push(...(await typeProblems(place, entry, type, here)));
    if (entry.device !== null && devices) problems.push(...deviceProblems(place, entry.device, devices));
  }
  return problems;
};

const typeProblems = async (
  place: Place,
  { variant, options }: DeclaredRun,
  type: CatalogEntry,
  here: TypesHere['here'],
): Promise<RbeeError[]> => {
  const problems: RbeeError[] = [];
  if (variant !== null && !type.variants.includes(variant)) {
    const [near] = nearest(variant, type.variants);
    const hint = near ? `did you mean ${near}?` : `its variants: ${type.variants.join(', ')}`;
    problems.push(impossible(place, `worker type ${type.type} has no variant ${variant}`, hint));
  }
  if (Object.keys(options).length === 0) return problems;
  // A plugin that fails is told of where it is used.
  const description = await here
    .get(type.type)
    .then((handle) => handle.describe())
    .catch(() => null);
  if (!description) return problems;
  for (const [name, value] of Object.entries(options)) {
    try {
      resolveOptions(description, { [name]: value });
    } catch (error) {
      if (!(error instanceof RbeeError)) throw error;
      problems.push(impossible(place, error.message, error.hint));
    }
  }
  return problems;
};

const deviceProblems = (place: Place, wanted: string, devices: readonly DeviceFacts[]): RbeeError[] => {
  const usable = devices.filter(({ fault }) => fault === undefined).map(({ id }) => id);
  const missing = deviceIds(parseDevice(wanted)).filter((id) => !usable.includes(id));
  if (missing.length === 0) return [];
  return [impossible(place, `its machine has no device ${missing.join(', ')}`, `it has: ${usable.join(', ')}`)];
};

const impossible = ({ file, hive, line }: Place, problem: string, hint: string): RbeeError =>
  RbeeError.of('DECLARATION_IMPOSSIBLE', { file, line, hive, problem, hint });

const entryOf = (type: string, here: TypesHere['here']): CatalogEntry | undefined =>
  here.list().find((one) => one.fault === undefined && (one.type === type || one.aliases.includes(type)));

const isHere = ({ version }: CatalogEntry, range: string): boolean =>
  range === 'latest' || (semver.validRange(range) !== null && semver.satisfies(version, range));

const versionProblem = (type: string, version: string): string =>
  semver.validRange(version) === null
    ? `"${version}" is no version of worker type ${type}, and no tag of one`
    : `there is no version ${version} of worker type ${type}`;
