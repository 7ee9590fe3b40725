/** Plain data: what can pass between a plugin's process and the hive without changing. */

/** The first part of a value that JSON would lose or change, and why; undefined if there is none. */
export const plainProblem = (value: unknown, path = 'it', seen: readonly object[] = []): string | undefined => {
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean')
    return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `${path} is ${value}`;
  if (typeof value !== 'object') return `${path} is a ${typeof value}`;
  if (seen.includes(value)) return `${path} holds itself`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null)
    return `${path} is a ${value.constructor?.name ?? 'class'}, not a plain object`;
  for (const [key, item] of Object.entries(value)) {
    const problem = plainProblem(item, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, [...seen, value]);
    if (problem) return problem;
  }
  return undefined;
};

/** A value as it arrives on the other side. */
export const overTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

/** Freezes a value at every depth, and returns it. */
export const deepFreeze = <Value>(value: Value): Value => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) deepFreeze(item);
  }
  return value;
};
