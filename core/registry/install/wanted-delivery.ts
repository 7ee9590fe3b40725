/**
 * What a hive that gets its plugins from the queen lacks. It is a hint from a foreign machine: it names something, and the
 * queen decides by what the operation was about which package that may be, and by its own lock which version.
 */
import { RbeeError } from '../../contract/errors.ts';

export interface WantedDelivery {
  /** Worker type or package. */
  plugin: string;
  /** The best one for the machine when absent. */
  variant?: string;
}

/** The error that says so: its first line names what is wanted. */
export const notDelivered = (hive: string, wanted: WantedDelivery): RbeeError => {
  const { plugin, variant } = wanted;
  const what = variant === undefined ? plugin : `${plugin} (${variant})`;
  return RbeeError.of('PLUGIN_NOT_DELIVERED', { hive, what }, { lines: [JSON.stringify(wanted)] });
};

/** What an error asks for; null when it is another one, or names nothing that can be a plugin and a variant. */
export const wantedDelivery = (error: unknown): WantedDelivery | null => {
  if (!(error instanceof RbeeError) || error.code !== 'PLUGIN_NOT_DELIVERED') return null;
  try {
    const { plugin, variant } = JSON.parse(error.lines[0] ?? '') as { plugin?: unknown; variant?: unknown };
    if (typeof plugin !== 'string' || plugin.length > longestName) return null;
    if (variant === undefined) return { plugin };
    return typeof variant === 'string' && variantId.test(variant) ? { plugin, variant } : null;
  } catch {
    return null;
  }
};

const longestName = 4096;
const variantId = /^[a-z0-9][a-z0-9-]{0,63}$/;
