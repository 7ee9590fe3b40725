/** What sd-server's progress bars say. The same bar shows how far loading is, in bytes, and a drawing, in steps. */

export interface BarState {
  /** `load` while weights are read, `draw` while a picture is. */
  kind: 'load' | 'draw';
  done: number;
  total: number;
  /** Seconds that one step takes; only of a drawing. */
  secondsPerStep?: number;
}

const bar = /(\d+)\/(\d+) - ([\d.]+)(s\/it|it\/s|[KMGT]?B\/s)/;

/** Reads one line; undefined when it holds no bar. */
export const readBar = (line: string): BarState | undefined => {
  const [, done, total, speed, unit] = bar.exec(line) ?? [];
  if (done === undefined) return undefined;
  const counts = { done: Number(done), total: Number(total) };
  if (unit !== 's/it' && unit !== 'it/s') return { kind: 'load', ...counts };
  const rate = Number(speed);
  return { kind: 'draw', ...counts, secondsPerStep: unit === 's/it' ? rate : rate > 0 ? 1 / rate : 0 };
};
