/** What happened in a storm, in order, with the milliseconds since its start. */

export interface StormLog {
  readonly lines: readonly string[];
  add(line: string): void;
}

export const createLog = (): StormLog => {
  const lines: string[] = [];
  const began = performance.now();
  return { lines, add: (line) => lines.push(`${String(Math.round(performance.now() - began)).padStart(6)} ${line}`) };
};
