/** The examination as a suite of tests, for the plugins of this repository. */
import type { WorkerType } from '../contract/worker-type/worker-type.ts';
import { missingAbility } from './abilities.ts';
import { areaOf, areas } from './check.ts';
import { checks } from './checks/index.ts';
import { PluginUnderTest, type PluginUnderTestOptions } from './plugin-under-test.ts';

export interface ExamineOptions extends PluginUnderTestOptions {
  /** `describe` and `it` of node:test, or of a runner that has the same. */
  describe: (name: string, body: () => void) => unknown;
  it: (name: string, body: () => void | Promise<void>) => unknown;
  /** Also run the lifecycle checks, which take ten seconds. */
  lives?: boolean;
}

/**
 * Registers one test for each check. Checks of abilities that the type does not declare are left out. A plugin's test is
 * one line:
 *
 *     examine(type, { describe, it, root: import.meta.dirname });
 *
 * With `root`, the folder of the package, this also checks its manifest, and its code in the process where a hive
 * evaluates it. Build the package first.
 */
export const examine = (type: WorkerType, { describe, it, lives = true, ...options }: ExamineOptions): void => {
  const plugin = new PluginUnderTest(type, options);
  describe(`the worker type ${type.name}`, () => {
    for (const [area, title] of Object.entries(areas)) {
      if (area === 'life' && !lives) continue;
      const due = checks.filter((check) => areaOf(check) === area && missingAbility(plugin, check.needs) === undefined);
      if (due.length === 0) continue;
      describe(title, () => {
        for (const check of due) {
          it(`${check.title} (${check.id})`, async () => {
            try {
              await check.check(plugin);
            } finally {
              // Otherwise the plugin's process would keep the test process alive.
              plugin.close();
            }
          });
        }
      });
    }
  });
};
