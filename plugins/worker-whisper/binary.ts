/** Binary resolution: the two builds, where each runs, and where the programs come from. */
import type { BinaryRequest, BinarySource, Fit, HostFacts, Platform, Variant } from '@rbee/core/contract';
import { cpuFlags, cudaFlags } from './devices.ts';
import { withDefaults } from './options.ts';
import { packages } from './packages.ts';

const onnx: BinarySource = { kind: 'module', id: 'onnx', script: 'dist/server/main.js' };
const whisperServer: BinarySource = {
  kind: 'path',
  id: 'whisper-server',
  program: 'whisper-server',
  variable: 'RBEE_WHISPER_SERVER',
};

/** Where ONNX Runtime's npm package has a program. A Mac with an Intel processor is not among them. */
const platforms: Platform[] = [
  { os: 'linux', cpu: 'x64', libc: 'glibc' },
  { os: 'linux', cpu: 'arm64', libc: 'glibc' },
  { os: 'darwin', cpu: 'arm64' },
  { os: 'win32', cpu: 'x64' },
  { os: 'win32', cpu: 'arm64' },
];

/** Each engine loads a format that the other does not. */
const resolveBinary = ({ options, model }: BinaryRequest): readonly BinarySource[] => {
  const { engine } = withDefaults(options);
  if (engine !== 'auto') return engine === 'onnx' ? [onnx] : [whisperServer];
  if (model === undefined) return [onnx, whisperServer];
  return model.format === 'ggml' ? [whisperServer] : [onnx];
};

export const variants: readonly Variant[] = [
  {
    id: 'cpu',
    platforms,
    packages,
    deviceFlags: cpuFlags,
    resolveBinary,
    fits: (host) => fit(oldLibc(host)),
  },
  {
    id: 'cuda',
    platforms: [{ os: 'linux', cpu: 'x64', libc: 'glibc' }],
    packages,
    deviceFlags: cudaFlags,
    resolveBinary,
    fits: (host) => fit([...oldLibc(host), ...noDevice(host), ...oldDriver(host)]),
  },
];

const fit = (reasons: readonly string[]): Fit => (reasons.length === 0 ? { fits: true } : { fits: false, reasons });

const oldLibc = ({ libcVersion, platform }: HostFacts): string[] => {
  const [major = 0, minor = 0] = (libcVersion ?? '').split('.').map(Number);
  const isOld = platform.os === 'linux' && libcVersion !== undefined && (major < 2 || (major === 2 && minor < 28));
  return isOld ? [`ONNX Runtime needs glibc 2.28 and this machine has ${libcVersion}`] : [];
};

const noDevice = ({ devices }: HostFacts): string[] => {
  const here = devices.filter(({ kind }) => kind === 'cuda');
  if (here.length === 0) return ['this machine has no cuda device'];
  return here.some(({ fault }) => fault === undefined)
    ? []
    : here.map(({ id, fault }) => `${id} cannot be used: ${fault}`);
};

const oldDriver = ({ cudaDriver }: HostFacts): string[] =>
  cudaDriver !== undefined && Number.parseInt(cudaDriver, 10) < 12
    ? [`ONNX Runtime needs a driver for CUDA 12 and this one is for ${cudaDriver}: update the NVIDIA driver`]
    : [];
