/** Errors for worker types and versions of hives.conf that do not exist, with the line and the nearest names. */
import semver from 'semver';
import type { CatalogEntry } from '../../contract/api/hive-api.ts';
import type { DeclaredType } from '../../contract/api/sync.ts';
import { RbeeError } from '../../contract/errors.ts';
import { nearest } from '../../narration/near.ts';
import type { TypesHere } from './known-types.ts';

/** Where an entry is in hives.conf. */
export interface Place {
  file: string;
  hive: string;
  line: number;
}

/** Explains why a type is unavailable, with its place in the file. Returns other errors unchanged, because editing the file cannot fix them. */
export const explainType = (
  error: RbeeError,
  { type, version, ...place }: Place & Pick<DeclaredType, 'type' | 'version'>,
  { names, here }: TypesHere,
): RbeeError => {
  const known = entryOf(type, here);
  if (error.code === 'VERSION_NOT_FOUND') return unsatisfiable(place, versionProblem(type, version), error.hint);
  const isMissing = error.code === 'PACKAGE_NOT_FOUND';
  if (!isMissing && error.code !== 'REGISTRY_UNREACHABLE') return error;
  if (known && !isHere(known, version)) {
    const hint = `use ${known.version}, which is on this machine; elsewhere ${error.message}`;
    return unsatisfiable(place, versionProblem(type, version), hint);
  }
  const near = names.includes(type) ? [] : nearest(type, names);
  // The registry may be unreachable, but a name this close to a known one is most likely a typo.
  if (!isMissing && near.length === 0) return error;
  const hint =
    near.length > 0
      ? `did you mean ${near.join(' or ')}?`
      : `known types: ${names.join(', ')}; look for others with: rbee plugins search`;
  return unsatisfiable(place, `there is no worker type ${type}`, hint);
};

export const unsatisfiable = ({ file, hive, line }: Place, problem: string, hint: string): RbeeError =>
  RbeeError.of('DECLARATION_UNSATISFIABLE', { file, line, hive, problem, hint });

export const entryOf = (type: string, here: TypesHere['here']): CatalogEntry | undefined =>
  here.list().find((one) => one.fault === undefined && (one.type === type || one.aliases.includes(type)));

const isHere = ({ version }: CatalogEntry, range: string): boolean =>
  range === 'latest' || (semver.validRange(range) !== null && semver.satisfies(version, range));

const versionProblem = (type: string, version: string): string =>
  semver.validRange(version) === null
    ? `"${version}" is neither a version nor a tag of worker type ${type}`
    : `there is no version ${version} of worker type ${type}`;
