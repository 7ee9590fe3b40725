/** Arguments that restrict llama-server to its devices, and variables that hide all other devices from both engines. */
import type { Device, DeviceFlags } from '@rbee/contract';

type Flags = Partial<DeviceFlags>;

export const cudaFlags = (device: Device): Flags => ({ args: ['--device', renumbered('CUDA', device)] });

export const rocmFlags = (device: Device): Flags => ({ args: ['--device', renumbered('ROCm', device)] });

export const vulkanFlags = (device: Device): Flags => ({ args: ['--device', renumbered('Vulkan', device)] });

/** A Mac has one Metal device, which no variable can hide. */
export const metalFlags = ({ indices }: Device): Flags => ({
  args: ['--device', indices.map((index) => `MTL${index}`).join(',')],
});

/** Visible devices are renumbered from 0, whatever their numbers on the machine. */
const renumbered = (name: string, { indices }: Device) => indices.map((_, place) => `${name}${place}`).join(',');
