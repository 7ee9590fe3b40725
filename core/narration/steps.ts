/** What both printers for people share: the running steps, and the text of events, which are already printable. */
import type { NarrationEvent } from '../contract/api/narration.ts';
import { formatBytes, formatDuration } from './quantities.ts';
import type { Screen } from './screen.ts';

export interface PeoplePrinter {
  /** Shows an event. */
  event(event: NarrationEvent): void;
  /** Writes whole lines of a result, made of printable data, above the running steps. */
  block(text: string): void;
  /** Ends all running steps as done or failed, and leaves the cursor at the start of a line. */
  close(how?: 'done' | 'failed'): void;
}

export interface PeopleOptions {
  /** The stream for narration. */
  narration: Screen;
  /** The stream for pieces of an answer. */
  answer: Screen;
  /** Milliseconds of a monotonic clock. */
  now?: () => number;
}

export interface Step {
  text: string;
  startedAt: number;
  done: number;
  total?: number;
  unit?: string;
  note?: string;
}

export type AskEvent = Extract<NarrationEvent, { kind: 'ask' }>;
export type DoneEvent = Extract<NarrationEvent, { kind: 'done' }>;
export type ProgressEvent = Extract<NarrationEvent, { kind: 'progress' }>;

export const questionText = ({ question, choices }: AskEvent): string =>
  choices && choices.length > 0 ? `${question} [${choices.join('/')}]` : question;

export const said = (text: string, on: string | undefined): string => (on ? `${on}: ${text}` : text);

/** Empty if the text already contains it. */
export const took = (text: string, ms: number | undefined): string =>
  ms === undefined || text.includes(formatDuration(ms)) ? '' : ` (${formatDuration(ms)})`;

export const advance = (steps: Map<string, Step>, event: ProgressEvent, now: number): void => {
  const step = steps.get(event.id) ?? { text: event.text ?? event.id, startedAt: now, done: 0 };
  steps.set(event.id, step);
  step.done = event.done;
  step.total = event.total;
  step.unit = event.unit;
  step.note = event.text ?? step.note;
};

const barWidth = 20;

/** A bar and the amounts, or only the amount if the total is unknown. */
export const progressText = (step: Step, { full, empty }: { full: string; empty: string }): string => {
  const amount = (value: number): string => {
    if (step.unit === 'bytes') return formatBytes(value);
    return `${Number(value.toFixed(1))}${step.unit === undefined || step.unit === '%' ? '' : ` ${step.unit}`}`;
  };
  if (!step.total) return step.done > 0 ? amount(step.done) : '';
  const share = Math.min(1, Math.max(0, step.done / step.total));
  const filled = Math.round(share * barWidth);
  const percent = `${Math.floor(share * 100)} %`;
  const of = step.unit === undefined || step.unit === '%' ? '' : `  ${amount(step.done)} of ${amount(step.total)}`;
  return `${full.repeat(filled)}${empty.repeat(barWidth - filled)} ${percent}${of}`;
};
