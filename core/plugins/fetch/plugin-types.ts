/** The worker types in an untrusted `rbee` field, as far as they can be parsed. */
import type { PluginHit } from '../../contract/plugins.ts';

export const typesOf = (rbee: unknown): PluginHit['types'] => {
  const types = (rbee as { workerTypes?: unknown } | null | undefined)?.workerTypes;
  if (typeof types !== 'object' || types === null) return [];
  const texts = (value: unknown) => (Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []);
  return Object.entries(types as Record<string, { variants?: unknown; serves?: unknown } | null>).map(
    ([type, entry]) => ({ type, variants: texts(entry?.variants), serves: texts(entry?.serves) }),
  );
};
