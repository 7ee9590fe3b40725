/** What rbee knows of a variant's devices without asking the plugin: how they are bound, and whether a host has one. Pure. */
import { platformProblem } from './platforms.ts';
import type { Device, DeviceFlags, Fit, HostFacts, Variant } from './worker-type.ts';

type BoundKind = NonNullable<Variant['binds']>;

/** The environment that shows these devices of a kind to an engine, and no other of that kind. */
const environments: Readonly<Record<BoundKind, (devices: string) => Record<string, string>>> = {
  cpu: () => ({ CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1', GGML_DISABLE_VULKAN: '1' }),
  // CUDA would count the fastest device first; nvidia-smi and rbee follow the bus.
  cuda: (devices) => ({ CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: devices }),
  rocm: (devices) => ({ HIP_VISIBLE_DEVICES: devices }),
  vulkan: (devices) => ({ GGML_VK_VISIBLE_DEVICES: devices }),
  // A Mac has one GPU, and no variable hides it.
  metal: () => ({}),
};

export const boundKinds = Object.keys(environments) as BoundKind[];

/** The flags of a variant on a device: those of `binds`, and its own over them. */
export const deviceFlagsOf = (variant: Variant, device: Device): DeviceFlags => {
  const { binds } = variant;
  const bound = binds === undefined ? {} : environments[binds](device.indices.join(','));
  const { args = [], env } =
    typeof variant.deviceFlags === 'function' ? variant.deviceFlags(device) : (variant.deviceFlags ?? {});
  return { args, env: { ...bound, ...env } };
};

/** Kinds of device that a variant drives. */
export const devicesOf = ({ id, binds, devices }: Variant): readonly string[] => devices ?? [binds ?? id];

/** Does a variant fit a host, as far as platform and devices tell? */
export const usualFit = (variant: Variant, host: HostFacts): Fit => {
  const offPlatform = platformProblem(variant.platforms, host.platform);
  if (offPlatform !== undefined) return { fits: false, reasons: [offPlatform] };
  const kinds = devicesOf(variant);
  const here = host.devices.filter(({ kind }) => kinds.includes(kind));
  if (kinds.includes('cpu') || here.some(({ fault }) => fault === undefined)) return { fits: true };
  const faults = here.map(({ id, fault }) => `${id} cannot be used: ${fault}`);
  return { fits: false, reasons: faults.length > 0 ? faults : [`this machine has no ${kinds.join(' or ')} device`] };
};
