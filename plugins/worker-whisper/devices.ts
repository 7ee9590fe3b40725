/** Device flags: what binds both engines to one placement and hides every other device from them. */
import type { Device, Variant } from '@rbee/core/contract';

type DeviceFlags = ReturnType<Variant['deviceFlags']>;

export const cpuFlags = (): DeviceFlags => ({ args: ['--device', 'cpu'], env: { CUDA_VISIBLE_DEVICES: '-1' } });

/** CUDA counts the fastest device first unless told to follow the bus, as nvidia-smi and rbee do. */
export const cudaFlags = (device: Device): DeviceFlags => ({
  args: ['--device', 'cuda'],
  env: { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: device.indices.join(',') },
});
