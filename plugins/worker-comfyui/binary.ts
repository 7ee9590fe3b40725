/** Binary resolution: where each build of ComfyUI runs, and where it comes from. */
import type { BinaryRequest, BinarySource, Fit, HostFacts, Platform, Variant } from '@rbee/core/contract';
import { cpuFlags, cudaFlags, rocmFlags } from './devices.ts';
import { withDefaults } from './options.ts';

const linux: Platform[] = [
  { os: 'linux', cpu: 'x64' },
  { os: 'linux', cpu: 'arm64' },
];

/** A program that starts ComfyUI with the arguments that it gets. */
const program: BinarySource = { kind: 'path', id: 'program', program: 'comfyui', variable: 'RBEE_COMFYUI' };
/** A folder with `main.py`; the adapter finds it and its Python, so there is nothing to look for beforehand. */
const folder: BinarySource = { kind: 'module', id: 'folder', script: 'dist/server/main.js' };

const sources = ({ options: given }: BinaryRequest): readonly BinarySource[] => {
  const { directory, release, release_sha256: sha256 } = withDefaults(given);
  if (directory !== '') return [folder];
  if (release === '' || sha256 === '') return [program];
  const url = `https://github.com/Comfy-Org/ComfyUI/archive/refs/tags/v${release}.tar.gz`;
  return [program, { kind: 'archive', id: 'release', url, sha256, strip: 1, member: 'main.py' }];
};

const hasDevice = (kind: string, { devices }: HostFacts): Fit => {
  const here = devices.filter((device) => device.kind === kind);
  if (here.some(({ fault }) => fault === undefined)) return { fits: true };
  const faults = here.map(({ id, fault }) => `${id} cannot be used: ${fault}`);
  return { fits: false, reasons: faults.length > 0 ? faults : [`this machine has no ${kind} device`] };
};

const onLinux = (id: string, { platform: { os, cpu } }: HostFacts): string[] =>
  linux.some((one) => one.os === os && one.cpu === cpu)
    ? []
    : [`ComfyUI with ${id} is not offered for ${os} on ${cpu}`];

const variantOf = (id: string, deviceFlags: Variant['deviceFlags']): Variant => ({
  id,
  platforms: linux,
  deviceFlags,
  fits: (host) => {
    const reasons = onLinux(id, host);
    if (reasons.length > 0) return { fits: false, reasons };
    return id === 'cpu' ? { fits: true } : hasDevice(id, host);
  },
  resolveBinary: sources,
});

export const variants: readonly Variant[] = [
  variantOf('cuda', cudaFlags),
  variantOf('rocm', rocmFlags),
  variantOf('cpu', cpuFlags),
];
