/** Device flags: vLLM has none of its own; its build decides the platform, and variables which devices it sees. */
import type { Device, Variant } from '@rbee/core/contract';

type DeviceFlags = ReturnType<Variant['deviceFlags']>;

/** A vLLM for the processor looks at no GPU; these keep one that was built otherwise from touching any. */
export const cpuFlags = (): DeviceFlags => ({
  args: [],
  env: { CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1' },
});

/**
 * Numbers, never identities: vLLM reads the variable as numbers and dies of `GPU-…` and `MIG-…`. CUDA counts the fastest
 * device first unless told to follow the bus, as nvidia-smi and rbee do.
 */
export const cudaFlags = ({ indices }: Device): DeviceFlags => ({
  args: [],
  env: { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: indices.join(',') },
});

export const rocmFlags = ({ indices }: Device): DeviceFlags => ({
  args: [],
  env: { HIP_VISIBLE_DEVICES: indices.join(',') },
});
