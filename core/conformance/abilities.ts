/** The optional abilities of a worker type. Checks of abilities that it does not declare are skipped. */
import { isPattern, takesMethod } from '../contract/worker-type/served-path.ts';
import type { PluginUnderTest } from './plugin-under-test.ts';

export const abilities = {
  package: { missing: 'no package.json was given', has: ({ packageJson }) => packageJson !== undefined },
  root: { missing: 'no folder was given', has: ({ root }) => root !== undefined },
  summary: { missing: 'it has no summary', has: ({ type }) => type.summary !== undefined },
  models: { missing: 'it loads no models', has: ({ type }) => type.models !== undefined },
  demo: { missing: 'it has no demo model', has: ({ type }) => type.models?.demo !== undefined },
  options: { missing: 'it has no options', has: ({ type }) => type.options !== undefined },
  secrets: {
    missing: 'none of its options is a secret',
    has: ({ type }) => Object.values(type.options?.properties ?? {}).some(({ secret }) => secret === true),
  },
  environment: { missing: 'it accepts no environment variables', has: ({ type }) => type.environment !== undefined },
  checkOptions: {
    missing: 'it does not check its options itself',
    has: ({ type }) => type.checkOptions !== undefined,
  },
  devices: { missing: 'it defines no device kinds', has: ({ type }) => type.devices !== undefined },
  probes: { missing: 'it has no probes', has: ({ type }) => type.probes !== undefined },
  adapter: { missing: 'it has no adapter', has: ({ type }) => type.adapter !== undefined },
  affinity: {
    missing: 'its answers create no ids',
    has: ({ type }) => type.serves.some(({ affinity }) => affinity !== undefined),
  },
  needs: {
    missing: 'none of its paths has requirements',
    has: ({ type }) => type.serves.some(({ needs }) => needs !== undefined),
  },
  unserved: {
    missing: 'its workers serve every path whose requirements are met',
    has: ({ type }) => type.unserved !== undefined,
  },
  abilities: { missing: 'it does not report what models can do', has: ({ type }) => type.abilities !== undefined },
  slots: { missing: 'it does not report its slots', has: ({ type }) => type.slots !== undefined },
  forecast: {
    missing: 'it has no forecast',
    has: ({ type }) => type.forecast !== undefined || type.readForecast !== undefined,
  },
  selectFiles: { missing: 'it lets rbee choose the files', has: ({ type }) => type.selectFiles !== undefined },
  estimate: { missing: 'it does not estimate memory', has: ({ type }) => type.estimate !== undefined },
  diagnose: {
    missing: 'it does not diagnose failures',
    has: ({ written }) => written.failures !== undefined || written.diagnose !== undefined,
  },
  rules: { missing: 'it has no failure rules', has: ({ written }) => written.failures !== undefined },
  failures: { missing: 'it has no recorded failures', has: ({ failures }) => failures.length > 0 },
  load: { missing: 'it does not report its load', has: ({ type }) => type.load !== undefined },
  stop: { missing: 'it is stopped in the default way', has: ({ type }) => type.stop !== undefined },
  sleep: {
    missing: 'it cannot sleep',
    has: ({ type }) => type.stop?.sleep !== undefined || type.stop?.wake !== undefined,
  },
  poll: { missing: 'it is not polled', has: ({ type }) => type.health.ready.mode === 'poll' },
  log: { missing: 'its log does not show when it is ready', has: ({ type }) => type.health.ready.mode === 'log' },
  progress: { missing: 'it shows no progress', has: ({ type }) => type.health.progressPattern !== undefined },
  failedStatus: {
    missing: 'no status means failure',
    has: ({ type }) => type.health.ready.mode === 'poll' && (type.health.failedStatus?.length ?? 0) > 0,
  },
  posts: {
    missing: 'it serves no POST path',
    has: ({ type }) => type.serves.some((served) => takesMethod(served, 'POST') && !isPattern(served.path)),
  },
} as const satisfies Record<string, { missing: string; has: (plugin: PluginUnderTest) => boolean }>;

export type Ability = keyof typeof abilities;

/** Why a check that needs these is skipped; undefined if it runs. A type too broken to tell counts as having all. */
export const missingAbility = (plugin: PluginUnderTest, needs: readonly Ability[] = []): string | undefined => {
  const missing = needs.find((need) => {
    try {
      return !abilities[need].has(plugin);
    } catch {
      return false;
    }
  });
  return missing && abilities[missing].missing;
};
