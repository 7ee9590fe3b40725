/** How a check says what is wrong: one sentence about the worker type, never about the examiner. */

/** A worker type does not keep what a check is about. */
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

/** Runs a function of the worker type; what it throws becomes a sentence that names the call. */
export const attempt = <Value>(what: string, call: () => Value): Value => {
  try {
    return call();
  } catch (error) {
    throw new CheckFailure(`${what} throws: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** A value as it is shown in a sentence: short, in one line. */
export const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};
