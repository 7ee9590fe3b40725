/** Device flags: what binds llama.cpp to one placement and hides every other device from it. */
import type { Device, Variant } from '@rbee/core/contract';

type DeviceFlags = ReturnType<Variant['deviceFlags']>;

/** `none` keeps a llama-server that was built for GPUs on the CPU; the variables keep it from touching them at all. */
export const cpuFlags = (): DeviceFlags => ({
  args: ['--device', 'none'],
  env: { CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1', GGML_DISABLE_VULKAN: '1' },
});

/** CUDA counts the fastest device first unless told to follow the bus, as nvidia-smi and rbee do. */
export const cudaFlags = (device: Device): DeviceFlags => ({
  args: ['--device', renumbered('CUDA', device)],
  env: { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: device.indices.join(',') },
});

export const rocmFlags = (device: Device): DeviceFlags => ({
  args: ['--device', renumbered('ROCm', device)],
  env: { HIP_VISIBLE_DEVICES: device.indices.join(',') },
});

export const vulkanFlags = (device: Device): DeviceFlags => ({
  args: ['--device', renumbered('Vulkan', device)],
  env: { GGML_VK_VISIBLE_DEVICES: device.indices.join(',') },
});

/** A Mac has one Metal device; there is no variable that hides it. */
export const metalFlags = (device: Device): DeviceFlags => ({
  args: ['--device', device.indices.map((index) => `MTL${index}`).join(',')],
  env: {},
});

/** The visible devices are numbered anew from 0, whatever their numbers are on the machine. */
const renumbered = (name: string, { indices }: Device) => indices.map((_, place) => `${name}${place}`).join(',');
