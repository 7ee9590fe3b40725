/** What the doctor finds: one thing looked at, and what to do when it is not as it should be. */

export interface Check {
  /** What was looked at, such as `disk space`. */
  name: string;
  /** `warn`: works, but something is missing or near its end. */
  status: 'ok' | 'warn' | 'fail';
  /** What was found. */
  text: string;
  /** How to mend it; absent when there is nothing to mend. */
  hint?: string;
}

export const ok = (name: string, text: string): Check => ({ name, status: 'ok', text });
export const warn = (name: string, text: string, hint: string): Check => ({ name, status: 'warn', text, hint });
export const fail = (name: string, text: string, hint: string): Check => ({ name, status: 'fail', text, hint });

/** Runs checks side by side; one that throws is a failed check, not the end of the examination. */
export const runChecks = async (checks: Record<string, () => Promise<Check[]> | Check[]>): Promise<Check[]> => {
  const found = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        return await check();
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        return [fail(name, `could not be examined: ${problem}`, 'see the message')];
      }
    }),
  );
  return found.flat();
};
