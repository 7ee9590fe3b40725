/** Parses sd-server's progress bars. The same bar shows loading, in bytes, and drawing, in steps. */

export interface BarState {
  /** `load` while reading weights, `draw` while drawing an image. */
  kind: 'load' | 'draw';
  done: number;
  total: number;
  /** Seconds per step; only while drawing. */
  secondsPerStep?: number;
}

const bar = /(\d+)\/(\d+) - ([\d.]+)(s\/it|it\/s|[KMGT]?B\/s)/;

/** Parses one line; undefined if it has no bar. */
export const readBar = (line: string): BarState | undefined => {
  const [, done, total, speed, unit] = bar.exec(line) ?? [];
  if (done === undefined) return undefined;
  const counts = { done: Number(done), total: Number(total) };
  if (unit !== 's/it' && unit !== 'it/s') return { kind: 'load', ...counts };
  const rate = Number(speed);
  return { kind: 'draw', ...counts, secondsPerStep: unit === 's/it' ? rate : rate > 0 ? 1 / rate : 0 };
};
