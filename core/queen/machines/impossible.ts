/** Worker types and versions of hives.conf that do not exist: each is reported with its line and the nearest names. */
import semver from 'semver';
import { RbeeError } from '../../contract/errors.ts';
import type { CatalogEntry } from '../../contract/hive-api.ts';
import type { DeclaredType } from '../../contract/sync.ts';
import { nearest } from '../../narration/near.ts';
import type { TypesHere } from './known-types.ts';

/** Where something stands in hives.conf. */
export interface Place {
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

export const impossible = ({ file, hive, line }: Place, problem: string, hint: string): RbeeError =>
  RbeeError.of('DECLARATION_UNSATISFIABLE', { file, line, hive, problem, hint });

export const entryOf = (type: string, here: TypesHere['here']): CatalogEntry | undefined =>
  here.list().find((one) => one.fault === undefined && (one.type === type || one.aliases.includes(type)));

const isHere = ({ version }: CatalogEntry, range: string): boolean =>
  range === 'latest' || (semver.validRange(range) !== null && semver.satisfies(version, range));

const versionProblem = (type: string, version: string): string =>
  semver.validRange(version) === null
    ? `"${version}" is no version of worker type ${type}, and no tag of one`
    : `there is no version ${version} of worker type ${type}`;
