/**
 * All members of a worker type in one table. It defines what crosses from a plugin's process to the hive: data goes
 * into the description; a function is called in the plugin's process, and its plain-data answer is sent.
 */
import { devicesOf } from './device-binding.ts';
import { resolveType } from './resolved-type.ts';
import type { Probe, Variant, WorkerType } from './worker-type.ts';

/** `either`: a function, or the data that it would return. */
export type MemberKind = 'data' | 'function' | 'either';

export const typeMembers = {
  name: 'data',
  apiVersion: 'data',
  summary: 'data',
  serves: 'data',
  unserved: 'function',
  abilities: 'function',
  slots: 'function',
  forecast: 'function',
  readForecast: 'function',
  models: 'data',
  options: 'data',
  environment: 'data',
  variants: 'data',
  command: 'either',
  health: 'data',
  probes: 'data',
  devices: 'data',
  adapter: 'data',
  keyless: 'data',
  stop: 'data',
  estimate: 'function',
  checkOptions: 'function',
  load: 'data',
  aliases: 'function',
  selectFiles: 'function',
  failures: 'data',
  diagnose: 'function',
} as const satisfies Record<keyof WorkerType, MemberKind>;

export const variantMembers = {
  id: 'data',
  devices: 'data',
  binds: 'data',
  platforms: 'data',
  fits: 'function',
  deviceFlags: 'either',
  resolveBinary: 'either',
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

export type DataMember = NamesOf<typeof typeMembers, 'data' | 'either'>;
/** Functions by the last part of their name: `command`, `fits`, `parse`. */
export type FunctionMember =
  | NamesOf<typeof typeMembers, 'function' | 'either'>
  | NamesOf<typeof variantMembers, 'function' | 'either'>
  | NamesOf<typeof probeMembers, 'function'>;

/** Members of earlier contract drafts, and their current names. */
export const formerMembers: Readonly<Record<string, keyof WorkerType>> = {
  moreNames: 'aliases',
  chooseFiles: 'selectFiles',
};

/**
 * A worker type as plain data, with the devices of each variant. Functions are left out; `has` lists the members
 * present that are, or may be, functions, and `unknown` the members that are not in the contract.
 */
export const describeType = (type: WorkerType): Record<string, unknown> => {
  const variants = type.variants.map((variant) => ({
    ...variant,
    devices: devicesOf(variant),
    has: present(variant, variantMembers),
  }));
  const unknown = Object.keys(type).filter((member) => !Object.hasOwn(typeMembers, member));
  return plainCopy({ ...type, variants, has: present(type, typeMembers), unknown }) as Record<string, unknown>;
};

const present = (owner: object, kinds: Readonly<Record<string, MemberKind>>): string[] =>
  Object.entries(owner)
    .filter(([member, value]) => value !== undefined && (kinds[member] ?? 'data') !== 'data')
    .map(([member]) => member);

/** A copy through JSON. A regular expression becomes its source and flags. */
export const plainCopy = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null, (_, item: unknown) =>
      item instanceof RegExp ? { source: item.source, flags: item.flags } : item,
    ),
  );

/**
 * Calls a function of a type by name, as a hive does: `command`, `variants.cuda.fits`, `probes.list.parse`,
 * `devices.npu.parse`.
 */
export const callMember = (type: WorkerType, member: string, args: readonly unknown[]): unknown => {
  const [list, id, method] = member.split('.');
  const resolved = resolveType(type);
  const owner =
    list === 'variants' || list === 'probes'
      ? (resolved[list] as readonly { id: string }[] | undefined)?.find((item) => item.id === id)
      : list === 'devices'
        ? resolved.devices?.find(({ kind }) => kind === id)
        : resolved;
  const value = (owner as Record<string, unknown> | undefined)?.[method ?? member];
  if (typeof value !== 'function') throw new Error(`${member} is not a function`);
  return value.apply(owner, [...args]);
};
