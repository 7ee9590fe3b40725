/** Binary resolution: the builds of llama.cpp, where each runs, and where its program comes from. */
import type {
  BinaryRequest,
  BinarySource,
  Fit,
  HostFacts,
  Platform,
  PlatformName,
  Probe,
  Variant,
} from '@rbee/contract';
import { buildProbes } from './build.ts';
import { cudaFlags, metalFlags, rocmFlags, vulkanFlags } from './devices.ts';
import { withDefaults } from './options.ts';

const llamaServer: BinarySource = {
  kind: 'path',
  id: 'llama-server',
  program: 'llama-server',
  variable: 'RBEE_LLAMA_SERVER',
};
const builtin: BinarySource = { kind: 'module', id: 'builtin', script: 'dist/server/main.js' };

const linux: PlatformName[] = ['linux-x64', 'linux-arm64'];
const mac: PlatformName[] = ['darwin-arm64', 'darwin-x64'];
const windows: PlatformName[] = ['win32-x64', 'win32-arm64'];

/** npm packages with node-llama-cpp's programs; one for each platform and build. */
const packageOf = (platform: string) => `@node-llama-cpp/${platform}`;
const platformPackages: Readonly<Record<string, { plain: readonly string[]; cuda?: string[]; vulkan?: string[] }>> = {
  'linux-x64': {
    plain: ['linux-x64'],
    cuda: ['linux-x64-cuda', 'linux-x64-cuda-ext'],
    vulkan: ['linux-x64-vulkan'],
  },
  'linux-arm64': { plain: ['linux-arm64'] },
  'linux-arm': { plain: ['linux-armv7l'] },
  'linux-riscv64': { plain: ['linux-riscv64'] },
  'darwin-arm64': { plain: ['mac-arm64-metal'] },
  'darwin-x64': { plain: ['mac-x64'] },
  'win32-x64': { plain: ['win-x64'], cuda: ['win-x64-cuda', 'win-x64-cuda-ext'], vulkan: ['win-x64-vulkan'] },
  'win32-arm64': { plain: ['win-arm64'] },
};
const allPackages = Object.values(platformPackages)
  .flatMap(({ plain, cuda = [], vulkan = [] }) => [...plain, ...cuda, ...vulkan])
  .map(packageOf);

/** Installs the programs of one platform and build only: together they take most of a gigabyte. */
const packagesFor = (build?: 'cuda' | 'vulkan'): Variant['packages'] => ({
  leaveOut: allPackages,
  on: Object.fromEntries(
    Object.entries(platformPackages).map(([platform, builds]) => [
      platform,
      { include: [...builds.plain, ...(build ? (builds[build] ?? []) : [])].map(packageOf) },
    ]),
  ),
});

/** The output of `llama-server --list-devices`. */
interface ListedDevices {
  ran: boolean;
  /** The error message, if it did not run. */
  problem?: string;
  /** Names such as `CUDA0`, with sizes in bytes. */
  devices: { name: string; description: string; total: number; free: number }[];
}

/** Probes the resolved llama-server, because a build without GPU support starts and silently uses the CPU. */
export const probes: Probe[] = [
  {
    id: 'llama-server',
    program: '$binary',
    args: ['--list-devices'],
    parse: ({ stdout, stderr, code }): ListedDevices => {
      const devices = [...stdout.matchAll(/^\s+(\w+?\d*): (.+) \((\d+) MiB, (\d+) MiB free\)\s*$/gm)].map(
        ([, name = '', description = '', total, free]) => ({
          name,
          description,
          total: Number(total) * 1024 * 1024,
          free: Number(free) * 1024 * 1024,
        }),
      );
      if (code === 0) return { ran: true, devices };
      const problem = stderr.trim().split('\n').at(-1) || `it ended with exit code ${code}`;
      return { ran: false, problem, devices };
    },
  },
  ...buildProbes,
];

interface GpuBuild {
  id: NonNullable<Variant['binds']>;
  platforms: PlatformName[];
  deviceFlags: Variant['deviceFlags'];
  /** How llama.cpp names its devices, before the number. */
  prefix: string;
  /** Platforms for which node-llama-cpp has this build, as `os-cpu`. */
  builtinOn: readonly string[];
  packages?: Variant['packages'];
}

const gpuVariant = ({ id, platforms, deviceFlags, prefix, builtinOn, packages }: GpuBuild): Variant => ({
  id,
  binds: id,
  platforms,
  deviceFlags,
  packages,
  fits: (host, usual) => (usual.fits ? fit(noGpuBuild(id, prefix, builtinOn, host)) : usual),
  resolveBinary: (request) => sources(request, builtinOn.includes(platformKey(request.platform))),
});

const cpu: Variant = {
  id: 'cpu',
  platforms: [...linux, ...mac, ...windows],
  binds: 'cpu',
  deviceFlags: { args: ['--device', 'none'] },
  packages: packagesFor(),
  fits: (host, usual) => (usual.fits ? fit(cannotRun(host)) : usual),
  resolveBinary: (request) => sources(request, true),
};

export const variants: readonly Variant[] = [
  cpu,
  gpuVariant({
    id: 'cuda',
    platforms: [...linux, 'win32-x64'],
    deviceFlags: cudaFlags,
    prefix: 'CUDA',
    builtinOn: ['linux-x64', 'win32-x64'],
    packages: packagesFor('cuda'),
  }),
  gpuVariant({
    id: 'vulkan',
    platforms: [...linux, ...windows],
    deviceFlags: vulkanFlags,
    prefix: 'Vulkan',
    builtinOn: ['linux-x64', 'win32-x64'],
    packages: packagesFor('vulkan'),
  }),
  gpuVariant({
    id: 'metal',
    platforms: ['darwin-arm64'],
    deviceFlags: metalFlags,
    prefix: 'MTL',
    builtinOn: ['darwin-arm64'],
    packages: packagesFor(),
  }),
  gpuVariant({
    id: 'rocm',
    platforms: ['linux-x64', 'win32-x64'],
    deviceFlags: rocmFlags,
    prefix: 'ROCm',
    builtinOn: [],
    packages: packagesFor(),
  }),
];

const sources = ({ options }: BinaryRequest, hasBuiltin: boolean): readonly BinarySource[] => {
  const { engine } = withDefaults(options);
  const offered = hasBuiltin ? [llamaServer, builtin] : [llamaServer];
  return offered.filter(({ id }) => engine === 'auto' || engine === id);
};

const fit = (reasons: readonly string[]): Fit => (reasons.length === 0 ? { fits: true } : { fits: false, reasons });

const platformKey = ({ os, cpu }: Platform) => `${os}-${cpu}`;

const listed = ({ probes: answers }: HostFacts) => answers['llama-server'] as ListedDevices | undefined;

/** Without a llama-server, the program is node-llama-cpp's, which is built against glibc 2.35. */
const cannotRun = (host: HostFacts): string[] => {
  const answer = listed(host);
  if (answer !== undefined) return answer.ran ? [] : [`llama-server does not run here: ${answer.problem}`];
  if (host.platform.os !== 'linux') return [];
  if (host.platform.libc === 'musl') {
    return ['the builtin engine needs glibc and this machine has musl: install llama-server, or set RBEE_LLAMA_SERVER'];
  }
  return host.libcVersion !== undefined && older(host.libcVersion, '2.35')
    ? [
        `the builtin engine needs glibc 2.35 and this machine has ${host.libcVersion}: install llama-server, or set RBEE_LLAMA_SERVER`,
      ]
    : [];
};

const noGpuBuild = (id: string, prefix: string, builtinOn: readonly string[], host: HostFacts): string[] => {
  const answer = listed(host);
  if (answer === undefined) {
    return builtinOn.includes(platformKey(host.platform))
      ? cannotRun(host)
      : [`the builtin engine has no ${id} build: install a llama-server with ${id}, or set RBEE_LLAMA_SERVER`];
  }
  if (!answer.ran) return [`llama-server does not run here: ${answer.problem}`];
  return answer.devices.some(({ name }) => name.toLowerCase().startsWith(prefix.toLowerCase()))
    ? []
    : [`llama-server sees no ${id} device: it was built without ${id}, or one of its libraries does not load`];
};

/** Whether version `one` is lower than `two`. */
const older = (one: string, two: string) => {
  const [a, b] = [one, two].map((version) => version.split('.').map(Number)) as [number[], number[]];
  const place = b.findIndex((number, index) => (a[index] ?? 0) !== number);
  return place !== -1 && (a[place] ?? 0) < (b[place] ?? 0);
};
