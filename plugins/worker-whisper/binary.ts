/** Binary resolution: the two builds, where each runs, and where the programs come from. */
import type { BinaryRequest, BinarySource, Fit, HostFacts, PlatformName, Variant } from '@rbee/contract';
import { withDefaults } from './options.ts';
import { packages } from './packages.ts';

const onnx: BinarySource = { kind: 'module', id: 'onnx', script: 'dist/server/main.js' };
const whisperServer: BinarySource = {
  kind: 'path',
  id: 'whisper-server',
  program: 'whisper-server',
  variable: 'RBEE_WHISPER_SERVER',
};

/** The platforms of ONNX Runtime's npm package. Macs with Intel processors are not among them. */
const platforms: PlatformName[] = ['linux-x64-glibc', 'linux-arm64-glibc', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

/** Each engine loads its own format. */
const resolveBinary = ({ options, model }: BinaryRequest): readonly BinarySource[] => {
  const { engine } = withDefaults(options);
  if (engine !== 'auto') return engine === 'onnx' ? [onnx] : [whisperServer];
  if (model === undefined) return [onnx, whisperServer];
  return model.format === 'ggml' ? [whisperServer] : [onnx];
};

export const variants: readonly Variant[] = [
  {
    id: 'cpu',
    binds: 'cpu',
    platforms,
    packages,
    deviceFlags: { args: ['--device', 'cpu'] },
    resolveBinary,
    fits: (host, usual) => besides(usual, oldLibc(host)),
  },
  {
    id: 'cuda',
    binds: 'cuda',
    platforms: ['linux-x64-glibc'],
    packages,
    deviceFlags: { args: ['--device', 'cuda'] },
    resolveBinary,
    fits: (host, usual) => besides(usual, [...oldLibc(host), ...oldDriver(host)]),
  },
];

const besides = (usual: Fit, reasons: readonly string[]): Fit =>
  usual.fits && reasons.length > 0 ? { fits: false, reasons } : usual;

const oldLibc = ({ libcVersion, platform }: HostFacts): string[] => {
  const [major = 0, minor = 0] = (libcVersion ?? '').split('.').map(Number);
  const isOld = platform.os === 'linux' && libcVersion !== undefined && (major < 2 || (major === 2 && minor < 28));
  return isOld ? [`ONNX Runtime needs glibc 2.28 and this machine has ${libcVersion}`] : [];
};

const oldDriver = ({ cudaDriver }: HostFacts): string[] =>
  cudaDriver !== undefined && Number.parseInt(cudaDriver, 10) < 12
    ? [`ONNX Runtime needs a driver for CUDA 12 and this one is for ${cudaDriver}: update the NVIDIA driver`]
    : [];
