/**
 * The arguments and variables that restrict sd-server to its devices. The builtin engine uses its variant and the same
 * variables. Metal needs none: a Mac has one Metal device, and its name differs between ggml versions.
 */
import type { Device, DeviceFlags } from '@rbee/contract';

type Flags = Partial<DeviceFlags>;

/** The name keeps a GPU build on the CPU; the variables keep it from touching the GPUs. */
export const cpuFlags: Flags = { args: ['--backend', 'cpu'] };

export const cudaFlags = (device: Device): Flags => ({ args: backend('cuda', device) });

export const rocmFlags = (device: Device): Flags => ({ args: backend('rocm', device) });

export const vulkanFlags = (device: Device): Flags => ({ args: backend('vulkan', device) });

/**
 * Visible devices are renumbered from 0, whatever their numbers on the machine. The diffusion model is spread across all of
 * them; text encoders and VAE, which are small, go on the first.
 */
const backend = (name: string, { indices }: Device): string[] => {
  const [first = `${name}0`, ...more] = indices.map((_, place) => `${name}${place}`);
  if (more.length === 0) return ['--backend', first];
  return ['--backend', `diffusion=${[first, ...more].join('&')},te=${first},vae=${first}`];
};
