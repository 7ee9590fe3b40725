/**
 * Errors for workers of hives.conf that cannot run: options that their type rejects, models that it cannot load,
 * devices that their machine lacks. Each has its line and the nearest names.
 */

import type { CatalogEntry } from '../../contract/api/hive-api.ts';
import type { DeclaredRun, HiveDeclaration } from '../../contract/api/sync.ts';
import { type Device, deviceIds, formatDevice, parseDevice } from '../../contract/device.ts';
import { RbeeError } from '../../contract/errors.ts';
import { isBuiltFor } from '../../contract/worker-type/platforms.ts';
import type { DeviceFacts } from '../../contract/worker-type/worker-type.ts';
import { nearest } from '../../narration/near.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import { checkEnvironment, resolveOptions } from '../../worker-types/worker-options.ts';
import { entryOf, type Place, unsatisfiable } from './explain-unsatisfiable.ts';
import type { TypesHere } from './known-types.ts';

export interface KnownMachine {
  /** Absent if unknown. */
  devices?: readonly DeviceFacts[];
  /** `linux-x64`; absent if unknown. */
  platform?: string;
  /** Whether the other machine gets the version of this type that is installed here. */
  isMeant: (entry: CatalogEntry) => boolean;
}

/** Finds what is certain to fail. A type that is not installed here cannot be checked. */
export const runProblems = async (
  file: string,
  { alias, run }: HiveDeclaration,
  { here }: TypesHere,
  machine: KnownMachine,
): Promise<RbeeError[]> => {
  const problems: RbeeError[] = [];
  for (const entry of run) {
    const place = { file, hive: alias, line: entry.line };
    const known = entryOf(entry.type, here);
    // A faulty plugin is reported where it is used.
    const describe = async () =>
      known && machine.isMeant(known)
        ? await here
            .get(known.type)
            .then((handle) => handle.describe())
            .catch(() => null)
        : null;
    const type = await describe();
    if (type) {
      problems.push(
        ...variantProblems(place, entry, type, machine),
        ...optionProblems(place, entry, type),
        ...environmentProblems(place, entry, type),
        ...modelProblems(place, entry, type),
      );
    }
    problems.push(...deviceProblems(place, entry, type, machine));
  }
  return problems;
};

const variantProblems = (
  place: Place,
  { variant }: DeclaredRun,
  type: TypeDescription,
  { platform }: KnownMachine,
): RbeeError[] => {
  const known = type.variants.map(({ id }) => id);
  if (variant !== null && !known.includes(variant)) {
    const [near] = nearest(variant, known);
    const hint = near ? `did you mean ${near}?` : `its variants: ${known.join(', ')}`;
    return [unsatisfiable(place, `worker type ${type.name} has no variant ${variant}`, hint)];
  }
  const [os = '', cpu = ''] = platform?.split('-') ?? [];
  const fits = ({ platforms }: TypeDescription['variants'][number]): boolean =>
    platform === undefined || isBuiltFor(platforms, { os, cpu });
  if (type.variants.some((one) => (variant === null || one.id === variant) && fits(one))) return [];
  const what = variant === null ? type.name : `the variant ${variant} of ${type.name}`;
  const others = type.variants.filter(fits).map(({ id }) => id);
  const hint = others.length > 0 ? `variants for it: ${others.join(', ')}` : 'run it on another machine';
  return [unsatisfiable(place, `${what} is not built for ${platform?.replace('-', ' ')}`, hint)];
};

const optionProblems = (place: Place, { options }: DeclaredRun, type: TypeDescription): RbeeError[] =>
  Object.entries(options).flatMap(([name, value]) => {
    try {
      resolveOptions(type, Object.fromEntries([[name, value]]));
      return [];
    } catch (error) {
      if (!(error instanceof RbeeError)) throw error;
      return [unsatisfiable(place, error.message, error.hint)];
    }
  });

const environmentProblems = (place: Place, { environment }: DeclaredRun, type: TypeDescription): RbeeError[] => {
  try {
    checkEnvironment(type, environment);
    return [];
  } catch (error) {
    if (!(error instanceof RbeeError)) throw error;
    return [unsatisfiable(place, error.message, error.hint)];
  }
};

const modelProblems = (place: Place, { model, components }: DeclaredRun, { name, models }: TypeDescription) => {
  const given = Object.entries(components);
  if (!models) {
    if (model === null && given.length === 0) return [];
    return [unsatisfiable(place, `worker type ${name} loads no model`, 'omit model and components')];
  }
  const problems: RbeeError[] = [];
  if (model === 'demo' && models.demo === undefined) {
    problems.push(unsatisfiable(place, `worker type ${name} has no demo model`, 'name a model of your own'));
  }
  const known = new Map(Object.entries(models.components ?? {}));
  for (const [component, reference] of given) {
    if (!known.has(component)) {
      const [near] = nearest(component, [...known.keys()]);
      const hint = near ? `did you mean ${near}?` : `its components: ${[...known.keys()].join(', ') || 'none'}`;
      problems.push(unsatisfiable(place, `worker type ${name} has no model component ${component}`, hint));
    } else if (reference === 'demo') {
      const problem = `only a whole model can be the demo, not its component ${component}`;
      problems.push(unsatisfiable(place, problem, 'name a file or a repository for it'));
    }
  }
  if (model === null || model === 'demo') return problems;
  for (const [component, { required, description }] of known) {
    if (!required || Object.hasOwn(components, component)) continue;
    const problem = `worker type ${name} needs the model component ${component}: ${description}`;
    problems.push(unsatisfiable(place, problem, `add: components = { ${component} = "hf:org/repo:file" }`));
  }
  return problems;
};

const deviceProblems = (
  place: Place,
  { device: written, variant }: DeclaredRun,
  type: TypeDescription | null,
  { devices }: KnownMachine,
): RbeeError[] => {
  if (written === null) return [];
  const device = parseDevice(written);
  const variants = type?.variants.filter(({ id }) => variant === null || id === variant);
  const driven = variants?.flatMap(({ id, devices = [id] }) => devices);
  if (devices) {
    const usable = devices.filter(({ fault }) => fault === undefined).map(({ id }) => id);
    const missing = deviceIds(device).filter((id) => !usable.includes(id));
    if (missing.length > 0) {
      return [unsatisfiable(place, `its machine has no device ${missing.join(', ')}`, `it has: ${usable.join(', ')}`)];
    }
  } else if (!driven?.includes(device.kind) && isNoKind(device.kind, type)) {
    const meant = deviceSynonyms.get(device.kind) ?? nearest(device.kind, kinds)[0];
    const hint =
      meant === undefined ? `known kinds: ${kinds.join(', ')}` : `did you mean ${withIndices(meant, device)}?`;
    return [unsatisfiable(place, `unknown kind of device ${device.kind}`, hint)];
  }
  if (!type || !driven || driven.length === 0 || driven.includes(device.kind)) return [];
  const what = variant === null ? type.name : `the variant ${variant} of ${type.name}`;
  return [unsatisfiable(place, `${what} does not drive ${written}`, `it drives: ${[...new Set(driven)].join(', ')}`)];
};

/**
 * Plugins may define kinds of their own. If the type is not known here, only common synonyms are certain to be wrong.
 */
const isNoKind = (kind: string, type: TypeDescription | null): boolean =>
  deviceSynonyms.has(kind) || (type !== null && !kinds.includes(kind));

const kinds: readonly string[] = ['cpu', 'cuda', 'rocm', 'vulkan', 'metal'];

/** Common names that people use for a kind of device. */
const deviceSynonyms = new Map([
  ['gpu', 'cuda'],
  ['nvidia', 'cuda'],
  ['geforce', 'cuda'],
  ['rtx', 'cuda'],
  ['amd', 'rocm'],
  ['hip', 'rocm'],
  ['radeon', 'rocm'],
  ['apple', 'metal'],
  ['mps', 'metal'],
  ['processor', 'cpu'],
]);

const withIndices = (kind: string, { indices }: Device): string =>
  kind === 'cpu' ? kind : formatDevice({ kind, indices: indices.length === 0 ? [0] : indices });
