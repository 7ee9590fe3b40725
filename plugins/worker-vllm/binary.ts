/** Binary resolution: the builds of vLLM, where each runs, and where its program comes from. */
import type { BinaryRequest, BinarySource, DeviceFacts, HostFacts, PlatformName, Probe, Variant } from '@rbee/contract';
import { rootCause } from './last-words.ts';
import { type Options, withDefaults } from './options.ts';
import { older } from './versions.ts';

const x64: PlatformName = 'linux-x64-glibc';
const arm64: PlatformName = 'linux-arm64-glibc';

/** The output of `vllm --version`. It loads all of vLLM, so it also detects a broken installation. */
interface Answer {
  version?: string;
  /** The error message, if it did not run. */
  problem?: string;
}

export const probes: Probe[] = [
  {
    id: 'vllm',
    program: '$binary',
    args: ['--version'],
    timeoutMs: 60_000,
    parse: ({ stdout, stderr, code }): Answer => {
      const version = /^(?:vllm )?(\d+\.\d+\S*)\s*$/m.exec(stdout)?.[1];
      if (code === 0 && version !== undefined) return { version };
      return { problem: rootCause(`${stdout}\n${stderr}`.split('\n')) ?? `it ended with exit code ${code}` };
    },
  },
];

interface Build {
  id: string;
  platforms: PlatformName[];
  binds: 'cuda' | 'rocm' | 'cpu';
  /** Lowest glibc that its wheels support. */
  glibc: string;
  /** CUDA version that the driver must support. */
  cuda?: string;
  wheel(options: Options): { requirement: string; indexes?: string[]; python?: string };
}

const builds: Build[] = [
  {
    id: 'cuda',
    platforms: [x64, arm64],
    binds: 'cuda',
    glibc: '2.28',
    cuda: '13.0',
    wheel: ({ vllm_version }) => ({ requirement: `vllm==${vllm_version}` }),
  },
  {
    id: 'cuda12',
    platforms: [x64],
    binds: 'cuda',
    glibc: '2.28',
    cuda: '12.9',
    wheel: ({ vllm_version }) => ({
      requirement: `vllm==${vllm_version}+cu129`,
      indexes: [`https://wheels.vllm.ai/${vllm_version}/cu129`, 'https://download.pytorch.org/whl/cu129'],
    }),
  },
  {
    id: 'rocm',
    platforms: [x64],
    binds: 'rocm',
    glibc: '2.35',
    // With another Python, the installer would silently choose the wheel for CUDA.
    wheel: ({ vllm_version }) => ({
      requirement: `vllm==${vllm_version}`,
      indexes: ['https://wheels.vllm.ai/rocm/'],
      python: '3.12',
    }),
  },
  {
    id: 'cpu',
    platforms: [x64, arm64],
    binds: 'cpu',
    glibc: '2.34',
    wheel: ({ vllm_version }) => ({
      requirement: `vllm==${vllm_version}+cpu`,
      indexes: [`https://wheels.vllm.ai/${vllm_version}/cpu`, 'https://download.pytorch.org/whl/cpu'],
    }),
  },
];

const sources = (build: Build, { options: given }: BinaryRequest): readonly BinarySource[] => {
  const options = withDefaults(given);
  const id = build.id === 'cpu' ? 'vllm-cpu' : 'vllm';
  const system: BinarySource = { kind: 'path', id, program: 'vllm', variable: 'RBEE_VLLM' };
  const venv: BinarySource = {
    kind: 'python',
    id,
    entryPoint: 'vllm',
    python: options.python.replace('python', ''),
    ...build.wheel(options),
  };
  if (options.engine === 'system') return [system];
  return options.engine === 'venv' ? [venv] : [system, venv];
};

/** vLLM has no device flags: its build decides the platform, and variables decide which devices it sees. */
const variantOf = (build: Build): Variant => ({
  id: build.id,
  binds: build.binds,
  platforms: build.platforms,
  fits: (host, usual) => {
    const reasons = usual.fits ? [...unusableDevices(build, host), ...cannotRun(build, host)] : [];
    return reasons.length > 0 ? { fits: false, reasons } : usual;
  },
  resolveBinary: (request) => sources(build, request),
});

export const variants: readonly Variant[] = builds.map(variantOf);

/** An installed program that answers fits. For wheels that are not installed yet, check what they were built for. */
const cannotRun = ({ id, glibc, cuda }: Build, host: HostFacts): string[] => {
  const answer = host.probes['vllm'] as Answer | undefined;
  if (answer?.version !== undefined) return [];
  if (answer?.problem !== undefined) return [`vllm does not run here: ${answer.problem}`];
  const instead = 'or put a vllm that is built for this machine on the PATH (or name it in RBEE_VLLM)';
  return [
    ...(host.libcVersion !== undefined && older(host.libcVersion, glibc)
      ? [
          `the ${id} build of vLLM needs glibc ${glibc} and this machine has ${host.libcVersion}: update the system, ${instead}`,
        ]
      : []),
    ...(cuda !== undefined && host.cudaDriver !== undefined && older(host.cudaDriver, cuda)
      ? [
          `the ${id} build of vLLM needs a driver for CUDA ${cuda} and this one is for ${host.cudaDriver}: update the driver, ${instead}`,
        ]
      : []),
  ];
};

/** Empty if at least one device of its kind is new enough. */
const unusableDevices = ({ binds }: Build, { devices }: HostFacts): string[] => {
  const problems = devices.filter(({ kind }) => kind === binds).map(deviceProblem);
  return problems.includes(undefined) ? [] : problems.filter((problem) => problem !== undefined);
};

const lowestCapability = '7.5';

const deviceProblem = ({ id, kind, fault, uuid, computeCapability }: DeviceFacts): string | undefined => {
  if (fault !== undefined) return `${id} cannot be used: ${fault}`;
  if (uuid?.startsWith('MIG-')) return `${id} is a MIG slice, which vLLM cannot be bound to`;
  return kind === 'cuda' && computeCapability !== undefined && older(computeCapability, lowestCapability)
    ? `${id} has compute capability ${computeCapability} and vLLM needs ${lowestCapability}`
    : undefined;
};
