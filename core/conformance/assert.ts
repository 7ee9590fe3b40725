/** How checks report failures: one sentence about the worker type, never about the check. */

/** The worker type breaks the rule that a check is about. */
export class CheckFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CheckFailure';
  }
}

/** Throws a CheckFailure with this sentence unless the condition holds. */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new CheckFailure(sentence);
}

/** Calls a function of the worker type; an exception becomes a check failure that names the call. */
export const attempt = <Value>(what: string, call: () => Value): Value => {
  try {
    return call();
  } catch (error) {
    throw new CheckFailure(`${what} throws: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** A value as JSON for a failure message: one line, cut off after 200 characters. */
export const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};
