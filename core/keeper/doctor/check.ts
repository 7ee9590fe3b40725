/** A finding of the doctor: what was checked, and how to fix it if something is wrong. */

export interface Check {
  /** What was checked, such as `disk space`. */
  name: string;
  /** `warn`: works, but something is missing or running out. */
  status: 'ok' | 'warn' | 'fail';
  /** What was found. */
  text: string;
  /** How to fix it; absent if there is nothing to fix. */
  hint?: string;
}

export const ok = (name: string, text: string): Check => ({ name, status: 'ok', text });
export const warn = (name: string, text: string, hint: string): Check => ({ name, status: 'warn', text, hint });
export const fail = (name: string, text: string, hint: string): Check => ({ name, status: 'fail', text, hint });

/** Runs checks in parallel. A check that throws counts as failed, and the others continue. */
export const runChecks = async (checks: Record<string, () => Promise<Check[]> | Check[]>): Promise<Check[]> => {
  const found = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        return await check();
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        return [fail(name, `could not be checked: ${problem}`, 'see the message')];
      }
    }),
  );
  return found.flat();
};
