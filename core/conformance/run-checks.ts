/** Runs the checks one after another, without a test runner. */
import { missingAbility } from './abilities.ts';
import type { Check } from './check.ts';
import { checks } from './checks/index.ts';
import type { PluginUnderTest } from './plugin-under-test.ts';

export interface CheckResult {
  id: Check['id'];
  title: string;
  /** `undeclared`: the type does not have the ability that the check is about. */
  outcome: 'passed' | 'failed' | 'undeclared';
  /** Why it failed, or what the type does not have. */
  reason?: string;
  ms: number;
}

/** The results in the order of the checks, each reported as soon as it is known. Never throws. */
export const runChecks = async (
  plugin: PluginUnderTest,
  onResult?: (result: CheckResult) => void,
): Promise<CheckResult[]> => {
  const results: CheckResult[] = [];
  for (const check of checks) {
    const result = await runCheck(plugin, check);
    results.push(result);
    onResult?.(result);
  }
  return results;
};

const runCheck = async (plugin: PluginUnderTest, { id, title, needs, check }: Check): Promise<CheckResult> => {
  const missing = missingAbility(plugin, needs);
  if (missing !== undefined) return { id, title, outcome: 'undeclared', reason: missing, ms: 0 };
  const begun = performance.now();
  const since = () => Math.round(performance.now() - begun);
  try {
    await check(plugin);
    return { id, title, outcome: 'passed', ms: since() };
  } catch (error) {
    return {
      id,
      title,
      outcome: 'failed',
      reason: error instanceof Error ? error.message : String(error),
      ms: since(),
    };
  }
};
