/** Binary resolution: the builds of the two engines, where each runs, and where its program comes from. */
import type { BinaryRequest, BinarySource, HostFacts, Platform, PlatformName, Probe, Variant } from '@rbee/contract';
import { cpuFlags, cudaFlags, rocmFlags, vulkanFlags } from './devices.ts';
import { withDefaults } from './options.ts';
import { packages } from './packages.ts';

const sdServer: BinarySource = { kind: 'path', id: 'sd-server', program: 'sd-server', variable: 'RBEE_SD_SERVER' };
const builtin: BinarySource = { kind: 'module', id: 'builtin', script: 'dist/server/main.js' };

const linux: PlatformName[] = ['linux-x64', 'linux-arm64'];
const mac: PlatformName[] = ['darwin-arm64', 'darwin-x64'];
const windows: PlatformName[] = ['win32-x64', 'win32-arm64'];

/** The output of `sd-server --list-devices`. */
interface ListedDevices {
  /** Names such as `CUDA0`; absent if the program does not know the argument. */
  names?: string[];
  /** The error message, if the program does not run here. */
  problem?: string;
}

/** Probes the resolved sd-server, because a build without GPU support starts and silently uses the CPU. */
export const probes: Probe[] = [
  {
    id: 'sd-server',
    program: '$binary',
    args: ['--list-devices'],
    parse: ({ stdout, stderr, code }): ListedDevices => {
      const cannotRun = /error while loading shared libraries.*|version `\S+' not found.*|dyld.*not loaded.*/i.exec(
        stderr,
      );
      if (code === 127 || cannotRun !== null) {
        return { problem: cannotRun?.[0] ?? (stderr.trim().split('\n').at(-1) || 'it could not be started') };
      }
      // Older programs refuse the argument.
      if (code !== 0) return {};
      const names = [...stdout.matchAll(/^(\S+)\t/gm)].map(([, name = '']) => name);
      return { names };
    },
  },
];

type BuildId = NonNullable<Variant['binds']>;

interface Build {
  id: BuildId;
  platforms: PlatformName[];
  deviceFlags?: Variant['deviceFlags'];
  /** sd-server's prefix of device names; absent for the CPU. */
  prefix?: string;
  /** Platforms on which the builtin engine supports this kind of device, as `os-cpu`. */
  builtinOn: readonly string[];
}

/** onnxruntime-node no longer supports Macs with Intel processors. */
const builds: Build[] = [
  {
    id: 'cpu',
    platforms: [...linux, ...mac, ...windows],
    deviceFlags: cpuFlags,
    builtinOn: ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64', 'win32-arm64'],
  },
  {
    id: 'cuda',
    platforms: [...linux, 'win32-x64'],
    deviceFlags: cudaFlags,
    prefix: 'CUDA',
    builtinOn: ['linux-x64'],
  },
  // onnxruntime could use WebGPU there, but offers no choice of device.
  { id: 'vulkan', platforms: [...linux, ...windows], deviceFlags: vulkanFlags, prefix: 'Vulkan', builtinOn: [] },
  {
    id: 'metal',
    platforms: ['darwin-arm64'],
    prefix: 'M',
    builtinOn: ['darwin-arm64'],
  },
  {
    id: 'rocm',
    platforms: ['linux-x64', 'win32-x64'],
    deviceFlags: rocmFlags,
    prefix: 'ROCm',
    builtinOn: [],
  },
];

const variantOf = (build: Build): Variant => ({
  id: build.id,
  binds: build.id,
  platforms: build.platforms,
  packages,
  deviceFlags: build.deviceFlags,
  fits: (host, usual) => {
    const reasons = usual.fits ? cannotRun(build, host) : [];
    return reasons.length > 0 ? { fits: false, reasons } : usual;
  },
  resolveBinary: (request) => sources(build, request),
});

export const variants: readonly Variant[] = builds.map(variantOf);

/** The engines load different models: folders of ONNX files, or single files. */
const sources = ({ builtinOn }: Build, { options, platform, model }: BinaryRequest): readonly BinarySource[] => {
  const { engine } = withDefaults(options);
  const offered = builtinOn.includes(platformKey(platform)) ? [sdServer, builtin] : [sdServer];
  if (engine !== 'auto') return offered.filter(({ id }) => id === engine);
  return model === undefined
    ? offered
    : offered.filter(({ id }) => (id === 'builtin') === (model.format === 'onnx-dir'));
};

const platformKey = ({ os, cpu }: Platform) => `${os}-${cpu}`;

const install = 'install sd-server of stable-diffusion.cpp, or set RBEE_SD_SERVER';

const cannotRun = (build: Build, host: HostFacts): string[] => {
  const answer = host.probes['sd-server'] as ListedDevices | null | undefined;
  if (typeof answer !== 'object' || answer === null) return builtinProblem(build, host);
  if (typeof answer.problem === 'string') return [`sd-server does not run here: ${answer.problem}`];
  const { id, prefix } = build;
  if (prefix === undefined || !Array.isArray(answer.names)) return [];
  return answer.names.some((name) => String(name).toLowerCase().startsWith(prefix.toLowerCase()))
    ? []
    : [`sd-server sees no ${id} device: it was built without ${id}, or one of its libraries does not load`];
};

/** Without an sd-server, the program is onnxruntime's, which is built against glibc 2.28. */
const builtinProblem = ({ id, builtinOn }: Build, { platform, libcVersion }: HostFacts): string[] => {
  if (!builtinOn.includes(platformKey(platform))) {
    return [`the builtin engine cannot use ${id} on ${platform.os} ${platform.cpu}: ${install}`];
  }
  if (platform.os !== 'linux') return [];
  if (platform.libc === 'musl') return [`the builtin engine needs glibc and this machine has musl: ${install}`];
  return libcVersion !== undefined && older(libcVersion, '2.28')
    ? [`the builtin engine needs glibc 2.28 and this machine has ${libcVersion}: ${install}`]
    : [];
};

/** Whether version `one` is lower than `two`. */
const older = (one: string, two: string) => {
  const [a, b] = [one, two].map((version) => version.split('.').map(Number)) as [number[], number[]];
  const place = b.findIndex((number, index) => (a[index] ?? 0) !== number);
  return place !== -1 && (a[place] ?? 0) < (b[place] ?? 0);
};
