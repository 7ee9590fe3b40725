/**
 * Device flags: what binds the engine to one placement and hides every other device from it. The arguments are sd-server's;
 * the builtin engine is told by its variant, and by the same variables.
 */
import type { Device, Variant } from '@rbee/core/contract';

type DeviceFlags = ReturnType<Variant['deviceFlags']>;

/** A program that was built for GPUs is kept on the CPU by name, and from touching them by the variables. */
export const cpuFlags = (): DeviceFlags => ({
  args: ['--backend', 'cpu'],
  env: { CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1', GGML_DISABLE_VULKAN: '1' },
});

/** CUDA counts the fastest device first unless told to follow the bus, as nvidia-smi and rbee do. */
export const cudaFlags = (device: Device): DeviceFlags => ({
  args: backend('cuda', device),
  env: { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: device.indices.join(',') },
});

export const rocmFlags = (device: Device): DeviceFlags => ({
  args: backend('rocm', device),
  env: { HIP_VISIBLE_DEVICES: device.indices.join(',') },
});

export const vulkanFlags = (device: Device): DeviceFlags => ({
  args: backend('vulkan', device),
  env: { GGML_VK_VISIBLE_DEVICES: device.indices.join(',') },
});

/** A Mac has one Metal device, which sd-server takes by itself; its name changed with ggml's versions. */
export const metalFlags = (): DeviceFlags => ({ args: [], env: {} });

/**
 * The visible devices are numbered anew from 0, whatever their numbers are on the machine. Of several, the diffusion model
 * is spread over all; text encoders and VAE, which are small, are on the first.
 */
const backend = (name: string, { indices }: Device): string[] => {
  const [first = `${name}0`, ...more] = indices.map((_, place) => `${name}${place}`);
  if (more.length === 0) return ['--backend', first];
  return ['--backend', `diffusion=${[first, ...more].join('&')},te=${first},vae=${first}`];
};
