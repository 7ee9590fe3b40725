/**
 * The arguments that bind sd-server to one placement. The builtin engine gets it from its variant, and by the same variables
 * as sd-server. Metal needs none: a Mac has one such device, whose name changed with ggml's versions.
 */
import type { Device, DeviceFlags } from '@rbee/contract';

type Flags = Partial<DeviceFlags>;

/** A program that was built for GPUs is kept on the CPU by name; the variables keep it from touching them. */
export const cpuFlags: Flags = { args: ['--backend', 'cpu'] };

export const cudaFlags = (device: Device): Flags => ({ args: backend('cuda', device) });

export const rocmFlags = (device: Device): Flags => ({ args: backend('rocm', device) });

export const vulkanFlags = (device: Device): Flags => ({ args: backend('vulkan', device) });

/**
 * The visible devices are renumbered from 0, whatever their numbers are on the machine. Of several, the diffusion model
 * is spread over all; text encoders and VAE, which are small, are on the first.
 */
const backend = (name: string, { indices }: Device): string[] => {
  const [first = `${name}0`, ...more] = indices.map((_, place) => `${name}${place}`);
  if (more.length === 0) return ['--backend', first];
  return ['--backend', `diffusion=${[first, ...more].join('&')},te=${first},vae=${first}`];
};
