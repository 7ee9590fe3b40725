/** Device flags: what binds ComfyUI to one placement and hides every other device from it. */
import type { Variant } from '@rbee/core/contract';

export const cpuFlags: Variant['deviceFlags'] = () => ({
  args: ['--cpu'],
  env: { CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1' },
});

/** Counted along the bus, as nvidia-smi and rbee do; CUDA would otherwise count the fastest device first. */
export const cudaFlags: Variant['deviceFlags'] = ({ indices }) => ({
  args: [],
  env: { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: indices.join(',') },
});

export const rocmFlags: Variant['deviceFlags'] = ({ indices }) => ({
  args: [],
  env: { HIP_VISIBLE_DEVICES: indices.join(',') },
});
