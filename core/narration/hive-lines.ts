/** Work on many machines at once: one line per hive on a terminal; in a pipe, each line names its hive. */
import type { NarrationEvent } from '../contract/api/narration.ts';
import type { SyncPlan } from '../contract/api/sync.ts';
import { printForPeople } from './people.ts';
import { printableData } from './printable.ts';
import type { PeopleOptions, PeoplePrinter } from './steps.ts';

export interface HiveLinesOptions extends PeopleOptions {
  /** Formats the plan, which is already printable. */
  formatPlan: (plan: SyncPlan) => string;
}

type Event<Kind extends NarrationEvent['kind']> = Extract<NarrationEvent, { kind: Kind }>;

/** A running step of a hive. */
interface Doing {
  text: string;
  progress?: Event<'progress'>;
}

/**
 * A step belongs to the hive in its `on` (`hive gpu-1`); later events refer to the step by its id. The line of a hive
 * begins with its first step and ends with its last: an outer step around all work on the machine makes it one line. In
 * between, it shows the step with the latest event.
 */
export class HiveLines implements PeoplePrinter {
  readonly #inner: PeoplePrinter;
  readonly #live: boolean;
  readonly #formatPlan: HiveLinesOptions['formatPlan'];
  /** The hive of each running step. */
  readonly #hiveOf = new Map<string, string>();
  /** The steps of each hive, the one with the latest event last. */
  readonly #doing = new Map<string, Map<string, Doing>>();

  constructor({ formatPlan, ...options }: HiveLinesOptions) {
    this.#inner = printForPeople(options);
    this.#live = options.narration.terminal.live;
    this.#formatPlan = formatPlan;
  }

  event(given: NarrationEvent): void {
    if (given.kind === 'text') {
      this.#inner.event(given);
      return;
    }
    const event = printableData(given);
    if (event.kind === 'plan') this.block(this.#formatPlan(event.plan));
    else if (event.kind === 'step') this.#step(event);
    else if (event.kind === 'progress') this.#progress(event);
    else if (event.kind === 'done') this.#done(event);
    else this.#inner.event(event);
  }

  block(text: string): void {
    this.#inner.block(text);
  }

  /** A step that is still open at the end has failed. */
  close(how: 'done' | 'failed' = 'done'): void {
    if (this.#live) {
      for (const [hive, steps] of this.#doing) {
        const last = [...steps.values()].at(-1);
        this.#inner.event({ kind: 'step', id: lineOf(hive), text: last ? `${hive}: ${last.text}` : hive });
      }
    }
    this.#inner.close(this.#doing.size > 0 ? 'failed' : how);
    this.#hiveOf.clear();
    this.#doing.clear();
  }

  #step(event: Event<'step'>): void {
    const hive = hiveNamed(event.on);
    if (hive === null) {
      this.#inner.event(event);
      return;
    }
    this.#hiveOf.set(event.id, hive);
    const steps = this.#doing.get(hive) ?? new Map<string, Doing>();
    const first = steps.size === 0;
    this.#doing.set(hive, steps);
    steps.set(event.id, { text: event.text });
    if (!this.#live) this.#inner.event(event);
    else if (first) this.#inner.event({ kind: 'step', id: lineOf(hive), text: hive });
    this.#show(hive);
  }

  #progress(event: Event<'progress'>): void {
    const hive = this.#hiveOf.get(event.id);
    if (hive === undefined || !this.#live) this.#inner.event(event);
    if (hive === undefined) return;
    const steps = this.#doing.get(hive);
    const doing = steps?.get(event.id);
    if (!steps || !doing) return;
    steps.delete(event.id);
    steps.set(event.id, { ...doing, progress: event });
    this.#show(hive);
  }

  #done(event: Event<'done'>): void {
    const hive = this.#hiveOf.get(event.id);
    if (hive === undefined) {
      this.#inner.event(event);
      return;
    }
    this.#hiveOf.delete(event.id);
    const steps = this.#doing.get(hive);
    const text = event.text ?? steps?.get(event.id)?.text ?? '';
    steps?.delete(event.id);
    const over = steps === undefined || steps.size === 0;
    if (over) this.#doing.delete(hive);
    if (!this.#live) this.#inner.event({ ...event, text: `hive ${hive}: ${text}` });
    else if (over) this.#inner.event({ kind: 'done', id: lineOf(hive), text: `${hive}: ${text}` });
    this.#show(hive);
  }

  #show(hive: string): void {
    const last = [...(this.#doing.get(hive)?.values() ?? [])].at(-1);
    if (last === undefined || !this.#live) return;
    const { text, progress } = last;
    const note = progress?.text === undefined ? text : `${text}: ${progress.text}`;
    const { done = 0, total, unit } = progress ?? {};
    this.#inner.event({ kind: 'progress', id: lineOf(hive), text: note, done, total, unit });
  }
}

const lineOf = (hive: string): string => `line of ${hive}`;

const hiveNamed = (on: string | undefined): string | null => /^hive (\S+)$/.exec(on ?? '')?.[1] ?? null;
