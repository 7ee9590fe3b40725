/** A bench is a function that measures and returns rows. */
import type { Samples } from './samples.ts';

export interface BenchContext {
  /** How often to measure each thing. */
  rounds: number;
  /** Undone in reverse order when the bench ends, however it ends. */
  cleanup: AsyncDisposableStack;
}

export type Bench = (context: BenchContext) => Promise<Row[]>;

/** The target of the figure: of its ratio to the baseline, or of the value itself. */
export type Aim = { of: 'ratio' | 'value' } & ({ atMost: number } | { atLeast: number });

export interface Row {
  what: string;
  unit: 'ms' | 'µs' | 'MiB' | 'MiB/s' | 'tokens/s' | '% of a core';
  value: Samples;
  baseline: { name: string; value: Samples } | null;
  /** Ratio of the medians: value to baseline. */
  ratio: number | null;
  aim: Aim | null;
  /** Null without an aim. */
  ok: boolean | null;
}

export interface RowInput {
  what: string;
  unit: Row['unit'];
  value: Samples;
  baseline?: { name: string; value: Samples };
  aim?: Aim;
}

export const row = ({ what, unit, value, baseline, aim }: RowInput): Row => {
  const ratio = baseline === undefined ? null : value.median / baseline.value.median;
  return {
    what,
    unit,
    value,
    baseline: baseline ?? null,
    ratio,
    aim: aim ?? null,
    ok: aim === undefined ? null : holds(aim, aim.of === 'ratio' ? ratio : value.median),
  };
};

const holds = (aim: Aim, figure: number | null): boolean => {
  if (figure === null) return false;
  return 'atMost' in aim ? figure <= aim.atMost : figure >= aim.atLeast;
};
