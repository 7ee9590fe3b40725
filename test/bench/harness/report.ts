/** The rows of all benches as one table. */
import { type Column, formatTable } from '../../../core/keeper/terminal/table.ts';
import type { Terminal } from '../../../core/narration/text.ts';
import type { Aim, Row } from './bench.ts';
import type { Samples } from './samples.ts';

export const formatRows = (rows: readonly Row[], terminal: Terminal): string => formatTable(rows, columns, terminal);

const columns: readonly Column<Row>[] = [
  { title: 'WHAT', value: ({ what }) => what },
  { title: 'MEDIAN (RANGE)', value: ({ value, unit }) => `${samples(value)} ${unit}` },
  {
    title: 'BASELINE',
    value: ({ baseline }) => (baseline === null ? '–' : `${baseline.name} ${samples(baseline.value)}`),
  },
  { title: 'RATIO', align: 'right', value: ({ ratio }) => (ratio === null ? '–' : ratio.toFixed(2)) },
  { title: 'AIM', align: 'right', value: ({ aim, unit }) => (aim === null ? '–' : aimText(aim, unit)) },
  {
    title: '',
    value: ({ ok }) => (ok === null ? '' : ok ? 'ok' : 'missed'),
    style: ({ ok }) => (ok === false ? 'red' : 'green'),
  },
];

const samples = ({ median, min, max }: Samples): string => `${figure(median)} (${figure(min)}–${figure(max)})`;

const figure = (number: number): string => (number < 10 ? number.toFixed(1) : String(Math.round(number)));

const aimText = (aim: Aim, unit: Row['unit']): string => {
  const limit = 'atMost' in aim ? `≤ ${rounded(aim.atMost)}` : `≥ ${rounded(aim.atLeast)}`;
  return aim.of === 'ratio' ? `${limit} ×` : `${limit} ${unit}`;
};

const rounded = (number: number): number => Number(number.toPrecision(3));
