/**
 * The members of a worker type in one table. What crosses from the process of a plugin to the hive follows from it: data
 * is part of the description, a function is called where it is, and its answer is plain data.
 */
import { resolveType } from './resolved-type.ts';
import type { Probe, Variant, WorkerType } from './worker-type.ts';

export type MemberKind = 'data' | 'function';

export const typeMembers = {
  name: 'data',
  apiVersion: 'data',
  summary: 'data',
  serves: 'data',
  models: 'data',
  options: 'data',
  variants: 'data',
  command: 'function',
  health: 'data',
  probes: 'data',
  adapter: 'data',
  keyless: 'data',
  stop: 'data',
  estimate: 'function',
  checkOptions: 'function',
  load: 'data',
  moreNames: 'function',
  chooseFiles: 'function',
  failures: 'data',
  diagnose: 'function',
} as const satisfies Record<keyof WorkerType, MemberKind>;

export const variantMembers = {
  id: 'data',
  devices: 'data',
  platforms: 'data',
  fits: 'function',
  deviceFlags: 'function',
  resolveBinary: 'function',
  packages: 'data',
} as const satisfies Record<keyof Variant, MemberKind>;

export const probeMembers = {
  id: 'data',
  variants: 'data',
  program: 'data',
  args: 'data',
  timeoutMs: 'data',
  parse: 'function',
} as const satisfies Record<keyof Probe, MemberKind>;

type NamesOf<Table, Kind> = { [Name in keyof Table]: Table[Name] extends Kind ? Name : never }[keyof Table];

export type DataMember = NamesOf<typeof typeMembers, 'data'>;
/** Functions by the last part of their name: `command`, `fits`, `parse`. */
export type FunctionMember =
  | NamesOf<typeof typeMembers, 'function'>
  | NamesOf<typeof variantMembers, 'function'>
  | NamesOf<typeof probeMembers, 'function'>;

/**
 * A worker type as plain data. Functions are left out; `has` names those of the type that are there, `unknown` the members
 * that the contract does not have.
 */
export const describeType = (type: WorkerType): Record<string, unknown> => {
  const has = Object.keys(type).filter((member) => typeof type[member as keyof WorkerType] === 'function');
  const unknown = Object.keys(type).filter((member) => !Object.hasOwn(typeMembers, member));
  return plainCopy({ ...type, has, unknown }) as Record<string, unknown>;
};

/** A value as JSON carries it. A regular expression becomes its source and flags. */
export const plainCopy = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null, (_, item: unknown) =>
      item instanceof RegExp ? { source: item.source, flags: item.flags } : item,
    ),
  );

/** Calls a function of a type by its name as a hive does: `command`, `variants.cuda.fits`, `probes.list.parse`. */
export const callMember = (type: WorkerType, member: string, args: readonly unknown[]): unknown => {
  const [list, id, method] = member.split('.');
  const resolved = resolveType(type);
  const owner =
    list === 'variants' || list === 'probes'
      ? (resolved[list] as readonly { id: string }[] | undefined)?.find((item) => item.id === id)
      : resolved;
  const value = (owner as Record<string, unknown> | undefined)?.[method ?? member];
  if (typeof value !== 'function') throw new Error(`${member} is not a function`);
  return value.apply(owner, [...args]);
};
