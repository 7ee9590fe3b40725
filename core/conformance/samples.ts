/** The hosts, devices and launches that a worker type is checked with. */

import type { Device } from '../contract/device.ts';
import { formatDevice } from '../contract/device.ts';
import { isBuiltFor } from '../contract/worker-type/platforms.ts';
import type { ResolvedType, ResolvedVariant } from '../contract/worker-type/resolved-type.ts';
import type {
  BinaryRequest,
  BinarySource,
  DeviceFacts,
  HostFacts,
  Launch,
  ModelFacts,
  Platform,
  PreparedLaunch,
  ResolvedBinary,
} from '../contract/worker-type/worker-type.ts';
import { attempt } from './assert.ts';

const gibibyte = 2 ** 30;

/** Platforms that hives run on, and one that has no builds. */
export const platforms: readonly Platform[] = [
  { os: 'linux', cpu: 'x64', libc: 'glibc' },
  { os: 'linux', cpu: 'arm64', libc: 'glibc' },
  { os: 'linux', cpu: 'x64', libc: 'musl' },
  { os: 'darwin', cpu: 'arm64' },
  { os: 'darwin', cpu: 'x64' },
  { os: 'win32', cpu: 'x64' },
  { os: 'freebsd', cpu: 'riscv64' },
];

export const platformName = ({ os, cpu, libc }: Platform): string => [os, cpu, ...(libc ? [libc] : [])].join('-');

/** Kinds of device that a variant drives. */
export const kindsOf = ({ devices }: ResolvedVariant): readonly string[] => devices;

/** The first device of each kind that a variant drives, the second, and both together. */
export const devicesOf = (variant: ResolvedVariant): Device[] =>
  kindsOf(variant).flatMap((kind) =>
    kind === 'cpu' ? [{ kind, indices: [] }] : [[0], [1], [0, 1]].map((indices) => ({ kind, indices })),
  );

export interface HostCase {
  what: string;
  host: HostFacts;
}

/** Every platform without devices, with two of each kind that the type drives, and with these out of order. */
export const hostsOf = (type: ResolvedType): HostCase[] => {
  const kinds = [...new Set(type.variants.flatMap(kindsOf))].filter((kind) => kind !== 'cpu');
  const several = kinds.flatMap((kind) => [deviceFacts(kind, 0), deviceFacts(kind, 1)]);
  const sets: [string, DeviceFacts[]][] = [
    ['no device', []],
    ['all devices', several],
    ['faulty devices', several.map((device) => ({ ...device, fault: 'it fell off the bus' }))],
  ];
  return platforms.flatMap((platform) =>
    sets.map(([what, devices]) => ({
      what: `${platformName(platform)} with ${what}`,
      host: hostFacts(platform, devices),
    })),
  );
};

export const hostFacts = (platform: Platform, devices: readonly DeviceFacts[] = []): HostFacts => ({
  platform,
  ...(platform.libc === 'glibc' ? { libcVersion: '2.39' } : {}),
  cpu: { model: 'examiner', cores: 8 },
  memory: { total: 64 * gibibyte, available: 48 * gibibyte },
  devices: [
    {
      id: 'cpu',
      kind: 'cpu',
      name: 'examiner',
      memory: { total: 64 * gibibyte, free: 48 * gibibyte },
    },
    ...devices,
  ],
  cudaDriver: '13.0',
  probes: {},
});

const deviceFacts = (kind: string, index: number): DeviceFacts => ({
  id: `${kind}:${index}`,
  kind,
  name: `${kind} number ${index}`,
  memory: { total: 24 * gibibyte, free: 20 * gibibyte },
  computeCapability: '8.9',
  driver: '580.0',
});

/** The options as the hive passes them: all defaults. */
export const defaultOptions = (type: ResolvedType): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(type.options?.properties ?? {}).flatMap(([name, option]) =>
      option.default === undefined ? [] : [[name, option.default]],
    ),
  );

export const modelFacts = (type: ResolvedType): ModelFacts => ({
  reference: 'file:/models/examined',
  format: type.models?.formats[0] ?? 'gguf',
  bytes: 4 * gibibyte,
  metadata: {},
});

/** Platforms of a variant as hosts have them. */
export const builtFor = (variant: ResolvedVariant): Platform[] =>
  platforms.filter((platform) => isBuiltFor(variant.platforms, platform));

/** Requests for a platform: without a model, and with a model of each format that the type loads. */
export const binaryRequests = (
  type: ResolvedType,
  platform: Platform,
  options = defaultOptions(type),
): { what: string; request: BinaryRequest }[] => {
  const what = platformName(platform);
  const request = { platform, version: '1.0.0', options };
  const formats = type.models?.formats ?? [];
  return [
    { what, request },
    ...formats.map((format) => ({
      what: `${what} with a model of ${format}`,
      request: { ...request, model: { format } },
    })),
  ];
};

/** The sources that a variant names on each of its platforms for any model, one for each id. */
export const sourcesOf = (
  type: ResolvedType,
  variant: ResolvedVariant,
  options = defaultOptions(type),
): BinarySource[] => {
  const found = builtFor(variant)
    .flatMap((platform) => binaryRequests(type, platform, options))
    .flatMap(({ what, request }) =>
      attempt(`resolveBinary of ${variant.id} on ${what}`, () => variant.resolveBinary(request)),
    );
  return [...new Map(found.map((source) => [`${source.kind} ${source.id}`, source])).values()];
};

export interface LaunchCase {
  what: string;
  variant: ResolvedVariant;
  launch: Launch;
}

/** A launch of every variant on every device with every program, or of just the first with `only: 'first'`. */
export const launchesOf = (type: ResolvedType, change: Partial<Launch> = {}, only?: 'first'): LaunchCase[] => {
  const cases: LaunchCase[] = [];
  for (const variant of type.variants) {
    for (const device of devicesOf(variant)) {
      for (const source of sourcesOf(type, variant)) {
        const what = `${variant.id} on ${formatDevice(device)} with ${source.id}`;
        const deviceFlags = attempt(`deviceFlags of ${what}`, () => variant.deviceFlags(device));
        const launch = { ...plainLaunch(type), variant: variant.id, device, deviceFlags, binary: binaryOf(source) };
        cases.push({ what, variant, launch: { ...launch, ...change } });
        if (only === 'first') return cases;
      }
    }
  }
  return cases;
};

/** The same launches before a port is chosen. Types that load models get a model. */
export const preparedLaunches = (
  type: ResolvedType,
  change: Partial<PreparedLaunch> = {},
): { what: string; launch: PreparedLaunch }[] =>
  launchesOf(type).map(({ what, launch: { variant, device, deviceFlags, options, binary, models } }) => ({
    what,
    launch: {
      ...{ variant, device, deviceFlags, options, binary, models },
      ...(type.models && { model: modelFacts(type) }),
      ...change,
    },
  }));

const plainLaunch = (type: ResolvedType) => ({
  id: `${type.name}-examined`,
  options: defaultOptions(type),
  models: modelPaths(type, '/models/examined'),
  names: type.models ? ['examined', 'examined-too'] : [type.name],
  host: '127.0.0.1',
  port: 18_765,
  apiKey: 'key-of-the-examiner',
});

/** A path for each component of the model; `main` is the path itself. */
export const modelPaths = (type: ResolvedType, main: string): Record<string, string> => {
  if (!type.models) return {};
  const components = Object.keys(type.models.components ?? {}).map((name) => [name, `${main}.${name}`]);
  return { ...Object.fromEntries(components), main };
};

const binaryOf = (source: BinarySource): ResolvedBinary => {
  const path = source.kind === 'module' ? `/plugin/${source.script}` : `/programs/${source.id}`;
  return { id: source.id, kind: source.kind, path, argv: source.kind === 'module' ? ['/node', path] : [path] };
};
