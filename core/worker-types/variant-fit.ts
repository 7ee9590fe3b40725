/** Decides whether a variant fits this machine before its program is installed. */
import type { Narrate } from '../contract/api/narration.ts';
import { platformProblem as problemOf } from '../contract/worker-type/platforms.ts';
import type { HostFacts } from '../contract/worker-type/worker-type.ts';
import type { TypeDescription } from './description.ts';
import { rankDevices } from './device-choice.ts';
import type { WorkerTypeHandle } from './worker-type-handle.ts';

export interface VariantFit {
  fits: boolean;
  reasons: readonly string[];
}

/** `host` has no probe results yet: checks that need the program run before a spawn. */
export const variantFit = async (
  handle: WorkerTypeHandle,
  type: TypeDescription,
  variant: string,
  host: HostFacts,
): Promise<VariantFit> => {
  const problem = platformProblem(type, variant, host);
  if (problem !== undefined) return { fits: false, reasons: [problem] };
  const fit = await handle.fits(variant, host);
  return fit.fits ? { fits: true, reasons: [] } : { fits: false, reasons: fit.reasons };
};

/** Why a variant does not exist for this platform, or undefined. */
export const platformProblem = ({ variants }: TypeDescription, id: string, { platform }: HostFacts) =>
  problemOf(variants.find((variant) => variant.id === id)?.platforms, platform);

/**
 * The variant to install by default: the one for the best device of this machine; if none fits, the first that exists
 * for its platform, with a warning.
 */
export const bestVariant = async (handle: WorkerTypeHandle, host: HostFacts, narrate: Narrate): Promise<string> => {
  const type = await handle.describe();
  const choices = type.variants.map((variant) => ({ id: variant.id, devices: variant.devices }));
  const ranked = new Set(rankDevices(choices, host.devices, new Map()).map(({ variant }) => variant));
  for (const variant of ranked) {
    if (!(await variantFit(handle, type, variant, host)).fits) continue;
    if (type.variants.length > 1) narrate({ kind: 'info', text: `using the variant ${variant} of ${type.name}` });
    return variant;
  }
  const first = type.variants.find(({ id }) => platformProblem(type, id, host) === undefined) ?? type.variants[0];
  const id = first?.id ?? '';
  const reasons = first ? (await variantFit(handle, type, id, host)).reasons.join('; ') : '';
  narrate({ kind: 'warning', text: `no variant of ${type.name} fits this machine, using ${id}: ${reasons}` });
  return id;
};
