/** The word of a hive that gets its plugins from the queen: this one is wanted, bring it and ask again. */
import { RbeeError } from '../../contract/errors.ts';

export interface WantedDelivery {
  /** Worker type or package. */
  plugin: string;
  /** The best one for the machine when absent. */
  variant?: string;
  /** The version that the hive has of it, where it lacks only the variant. */
  version?: string;
}

/** The error that says so: its first line names what is wanted. */
export const notDelivered = (hive: string, wanted: WantedDelivery): RbeeError => {
  const { plugin, variant } = wanted;
  const what = variant === undefined ? plugin : `${plugin} (${variant})`;
  return RbeeError.of('PLUGIN_NOT_DELIVERED', { hive, what }, { lines: [JSON.stringify(wanted)] });
};

/** What an error asks for; null when it is another one. */
export const wantedDelivery = (error: unknown): WantedDelivery | null => {
  if (!(error instanceof RbeeError) || error.code !== 'PLUGIN_NOT_DELIVERED') return null;
  try {
    const { plugin, variant, version } = JSON.parse(error.lines[0] ?? '') as Partial<WantedDelivery>;
    if (typeof plugin !== 'string') return null;
    return {
      plugin,
      ...(typeof variant === 'string' && { variant }),
      ...(typeof version === 'string' && { version }),
    };
  } catch {
    return null;
  }
};
