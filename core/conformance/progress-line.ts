/** The example of a progress pattern, with another percentage in it. */
import type { HealthContract } from '../contract/worker-type/worker-type.ts';

/** Undefined when there is no pattern, or when it reads no percentage from its example. */
export const progressLine = (
  { progressPattern, progressExample }: HealthContract,
  percent: string,
): string | undefined => {
  if (progressPattern === undefined || progressExample === undefined) return undefined;
  const [start, end] = new RegExp(progressPattern, 'd').exec(progressExample)?.indices?.groups?.['percent'] ?? [];
  if (start === undefined) return undefined;
  return progressExample.slice(0, start) + percent + progressExample.slice(end);
};
