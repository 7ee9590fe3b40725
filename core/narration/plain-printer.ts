/** Narration in a pipe: plain lines. */
import type { NarrationEvent } from '../contract/api/narration.ts';
import { labelled } from './hint.ts';
import { printableData } from './printable.ts';
import type { Screen } from './screen.ts';
import {
  advance,
  type DoneEvent,
  type PeopleOptions,
  type PeoplePrinter,
  type ProgressEvent,
  questionText,
  type Step,
  said,
  took,
} from './steps.ts';

/** A short step needs no progress lines. */
const progressPauseMs = 2_000;

/** In a pipe: one line for each start, each end, and now and then for progress. */
export class PlainPrinter implements PeoplePrinter {
  readonly #options: PeopleOptions;
  readonly #now: () => number;
  readonly #steps = new Map<string, Step>();
  readonly #printed = new Map<string, { tenth: number; at: number }>();
  readonly #answer: ReturnType<Screen['stream']>;
  #inLine = false;

  constructor(options: PeopleOptions) {
    this.#options = options;
    this.#answer = options.answer.stream();
    this.#now = options.now ?? (() => performance.now());
  }

  event(given: NarrationEvent): void {
    if (given.kind === 'text') {
      this.#answer.push(given.text);
      if (given.text !== '') this.#inLine = !given.text.endsWith('\n');
      return;
    }
    const event = printableData(given);
    if (event.kind === 'step') {
      const step = { text: said(event.text, event.on), startedAt: this.#now(), done: 0 };
      this.#steps.set(event.id, step);
      this.#say(step.text);
    } else if (event.kind === 'progress') {
      this.#progress(event);
    } else if (event.kind === 'done') {
      this.#done(event);
    } else if (event.kind === 'warning') {
      const hint = event.hint ? ` (${labelled(event.hint)})` : '';
      this.#say(`warning: ${said(event.text, event.on)}${hint}`);
    } else if (event.kind === 'ask') {
      this.#say(`question: ${questionText(event)}`);
    } else if (event.kind === 'info') {
      this.#say(said(event.text, event.on));
    }
  }

  block(text: string): void {
    this.#options.answer.write(text);
  }

  close(how: 'done' | 'failed' = 'done'): void {
    if (how === 'failed') for (const step of this.#steps.values()) this.#say(`failed: ${step.text}`);
    this.#steps.clear();
    this.#answer.end();
    if (this.#inLine) this.#options.answer.write('\n');
    this.#inLine = false;
  }

  #done(event: DoneEvent): void {
    const step = this.#steps.get(event.id);
    this.#steps.delete(event.id);
    const ms = event.ms ?? (step ? this.#now() - step.startedAt : undefined);
    const text = event.text ?? step?.text ?? event.id;
    this.#say(`${event.failed ? 'failed' : 'done'}: ${text}${took(text, ms)}`);
  }

  #progress(event: ProgressEvent): void {
    advance(this.#steps, event, this.#now());
    const step = this.#steps.get(event.id);
    if (!step?.total) return;
    const tenth = Math.floor((step.done / step.total) * 10);
    const last = this.#printed.get(event.id) ?? { tenth: 0, at: step.startedAt };
    if (tenth <= last.tenth || this.#now() - last.at < progressPauseMs) return;
    this.#printed.set(event.id, { tenth, at: this.#now() });
    this.#say(`${step.text}: ${Math.min(100, tenth * 10)} %`);
  }

  #say(line: string): void {
    this.#options.narration.line(line);
  }
}
