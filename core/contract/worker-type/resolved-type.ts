/**
 * A worker type with all shorthands expanded: data given for convenience becomes the function that it stands for. Hives
 * and the examiner see every type in this form.
 */
import { fillCommand } from './argv-template.ts';
import { defaultFit, deviceFlagsOf, devicesOf } from './device-binding.ts';
import { diagnoseByRules } from './failure-rules.ts';
import type {
  BinaryRequest,
  BinarySource,
  Command,
  Device,
  DeviceFlags,
  Diagnosis,
  Failure,
  Fit,
  HostFacts,
  Launch,
  Variant,
  WorkerType,
} from './worker-type.ts';

interface ResolvedParts {
  variants: readonly ResolvedVariant[];
  command(launch: Launch): Command;
  /** Tries the rules, then the type's own function. */
  diagnose(failure: Failure): Diagnosis | undefined;
}

export interface ResolvedType extends Omit<WorkerType, keyof ResolvedParts>, ResolvedParts {}

export interface ResolvedVariant extends Variant {
  devices: readonly string[];
  fits(host: HostFacts): Fit;
  deviceFlags(device: Device): DeviceFlags;
  resolveBinary(request: BinaryRequest): readonly BinarySource[];
}

export const resolveType = <Type extends WorkerType>(type: Type): Omit<Type, keyof ResolvedParts> & ResolvedParts => ({
  ...type,
  variants: type.variants.map(resolveVariant),
  command: (launch) => (typeof type.command === 'function' ? type.command(launch) : fillCommand(type.command, launch)),
  diagnose: (failure) => diagnoseByRules(type.failures ?? [], failure) ?? type.diagnose?.(failure),
});

const resolveVariant = (variant: Variant): ResolvedVariant => ({
  ...variant,
  devices: devicesOf(variant),
  fits: (host) => {
    const usual = defaultFit(variant, host);
    return variant.fits ? variant.fits(host, usual) : usual;
  },
  deviceFlags: (device) => deviceFlagsOf(variant, device),
  resolveBinary: (request) =>
    typeof variant.resolveBinary === 'function' ? variant.resolveBinary(request) : variant.resolveBinary,
});
