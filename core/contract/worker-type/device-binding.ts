/**
 * What rbee knows about a variant's devices without asking the plugin: how an engine is restricted to them, and whether
 * a host has one. Pure.
 */
import { platformProblem } from './platforms.ts';
import type { Device, DeviceFlags, Fit, HostFacts, Variant } from './worker-type.ts';

type BoundKind = NonNullable<Variant['binds']>;

/** The environment that restricts an engine to these devices and hides the others of their kind. */
const environments: Readonly<Record<BoundKind, (devices: string) => Record<string, string>>> = {
  cpu: () => ({ CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1', GGML_DISABLE_VULKAN: '1' }),
  // CUDA numbers the fastest device first by default; nvidia-smi and rbee use bus order.
  cuda: (devices) => ({ CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: devices }),
  rocm: (devices) => ({ HIP_VISIBLE_DEVICES: devices }),
  vulkan: (devices) => ({ GGML_VK_VISIBLE_DEVICES: devices }),
  // A Mac has one GPU, and no variable hides it.
  metal: () => ({}),
};

export const boundKinds = Object.keys(environments) as BoundKind[];

/** A variant's flags for a device: those of `binds`, overridden by its own. */
export const deviceFlagsOf = (variant: Variant, device: Device): DeviceFlags => {
  const { binds } = variant;
  const bound = binds === undefined ? {} : environments[binds](device.indices.join(','));
  const { args = [], env } =
    typeof variant.deviceFlags === 'function' ? variant.deviceFlags(device) : (variant.deviceFlags ?? {});
  return { args, env: { ...bound, ...env } };
};

/** Kinds of device that a variant uses. */
export const devicesOf = ({ id, binds, devices }: Variant): readonly string[] => devices ?? [binds ?? id];

/** Whether a variant fits a host, judged by platform and devices only. */
export const defaultFit = (variant: Variant, host: HostFacts): Fit => {
  const offPlatform = platformProblem(variant.platforms, host.platform);
  if (offPlatform !== undefined) return { fits: false, reasons: [offPlatform] };
  const kinds = devicesOf(variant);
  const here = host.devices.filter(({ kind }) => kinds.includes(kind));
  if (kinds.includes('cpu') || here.some(({ fault }) => fault === undefined)) return { fits: true };
  const faults = here.map(({ id, fault }) => `${id} cannot be used: ${fault}`);
  return { fits: false, reasons: faults.length > 0 ? faults : [`this machine has no ${kinds.join(' or ')} device`] };
};
