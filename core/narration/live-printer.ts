/** Narration on a terminal: spinners that turn into ticks. */
import type { NarrationEvent } from '../contract/api/narration.ts';
import { labelled } from './hint.ts';
import { printableData } from './printable.ts';
import { formatDuration } from './quantities.ts';
import type { Screen } from './screen.ts';
import {
  type AskEvent,
  advance,
  type DoneEvent,
  type PeopleOptions,
  type PeoplePrinter,
  progressText,
  questionText,
  type Step,
  said,
  took,
} from './steps.ts';
import { cutText, paint, textWidth } from './text.ts';

const frameMs = 80;
const spinners = { unicode: '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏', ascii: '|/-\\' };
const marks = {
  unicode: { done: '✔', failed: '✖', warning: '⚠', info: '·', full: '█', empty: '░' },
  ascii: { done: 'ok', failed: 'failed', warning: 'warning', info: '-', full: '#', empty: '.' },
};

/** On a terminal: running steps are redrawn below the finished lines. */
export class LivePrinter implements PeoplePrinter {
  readonly #options: PeopleOptions;
  readonly #now: () => number;
  readonly #steps = new Map<string, Step>();
  #timer: NodeJS.Timeout | undefined;
  #drawn = 0;
  #frame = 0;
  /** The stream with an unfinished line of an answer or question, below which nothing may be drawn. */
  #inLine: Screen | null = null;
  readonly #answer: ReturnType<Screen['stream']>;

  constructor(options: PeopleOptions) {
    this.#options = options;
    this.#answer = options.answer.stream();
    this.#now = options.now ?? (() => performance.now());
  }

  event(given: NarrationEvent): void {
    if (given.kind === 'text') {
      this.#piece(given.text);
      return;
    }
    const event = printableData(given);
    if (event.kind === 'ask') this.#ask(event);
    else if (event.kind !== 'plan') this.#narrate(event);
  }

  block(text: string): void {
    this.#erase();
    this.#endLine();
    this.#options.answer.write(text);
    this.#draw();
  }

  #narrate(event: Exclude<NarrationEvent, { kind: 'text' | 'ask' | 'plan' }>): void {
    const mark = this.#marks;
    if (event.kind === 'step') {
      this.#steps.set(event.id, { text: said(event.text, event.on), startedAt: this.#now(), done: 0 });
    } else if (event.kind === 'progress') {
      advance(this.#steps, event, this.#now());
    } else if (event.kind === 'done') {
      const step = this.#steps.get(event.id);
      this.#steps.delete(event.id);
      this.#say(this.#ended(step, event));
    } else if (event.kind === 'warning') {
      this.#say(`${this.#paint('yellow', mark.warning)} ${said(event.text, event.on)}`);
      if (event.hint) this.#say(`  ${this.#paint('dim', labelled(event.hint))}`);
    } else if (event.kind === 'info') {
      this.#say(`${this.#paint('dim', mark.info)} ${said(event.text, event.on)}`);
    }
    this.#draw();
    this.#animate();
  }

  close(how: 'done' | 'failed' = 'done'): void {
    const left = [...this.#steps.values()];
    this.#steps.clear();
    const colour = how === 'done' ? 'green' : 'red';
    this.#erase();
    for (const step of left) this.#say(`${this.#paint(colour, this.#marks[how])} ${step.text}`);
    this.#answer.end();
    this.#endLine();
    this.#animate();
  }

  #piece(text: string): void {
    if (text === '') return;
    const { answer } = this.#options;
    const { live } = answer.terminal;
    if (live) this.#erase();
    this.#answer.push(text);
    if (live) this.#inLine = text.endsWith('\n') ? null : answer;
  }

  /** The cursor stays after the question, and nothing is drawn until the next event. */
  #ask(event: AskEvent): void {
    this.#erase();
    const { narration } = this.#options;
    narration.write(`${this.#paint('bold', '?')} ${questionText(event)} `);
    this.#inLine = narration;
  }

  #ended(step: Step | undefined, event: DoneEvent): string {
    const ms = event.ms ?? (step ? this.#now() - step.startedAt : undefined);
    const text = event.text ?? step?.text ?? event.id;
    const mark = event.failed ? this.#paint('red', this.#marks.failed) : this.#paint('green', this.#marks.done);
    return `${mark} ${text}${this.#paint('dim', took(text, ms))}`;
  }

  #say(line: string): void {
    this.#erase();
    this.#endLine();
    this.#options.narration.write(`${line}\n`);
  }

  #endLine(): void {
    if (this.#inLine === this.#options.answer) this.#answer.end();
    this.#inLine?.write('\n');
    this.#inLine = null;
  }

  #draw(): void {
    if (this.#inLine) return;
    this.#erase();
    const { narration } = this.#options;
    // More lines than the screen has could not be erased.
    const room = Math.max(1, narration.terminal.rows - 2);
    const lines = [...this.#steps.values()].slice(-room).map((step) => this.#line(step));
    if (lines.length === 0) return;
    narration.write(lines.join('\n'));
    this.#drawn = lines.length;
  }

  #line(step: Step): string {
    const { terminal } = this.#options.narration;
    const frames = [...(terminal.unicode ? spinners.unicode : spinners.ascii)];
    const spinner = frames[this.#frame % frames.length] ?? '';
    const tail =
      progressText(step, this.#marks) || formatDuration(Math.floor((this.#now() - step.startedAt) / 100) * 100);
    const room = terminal.width - 1 - 2 - textWidth(tail) - 2;
    const text = cutText(step.note ? `${step.text}: ${step.note}` : step.text, Math.max(8, room), terminal);
    return `${this.#paint('cyan', spinner)} ${text}  ${this.#paint('dim', cutText(tail, Math.max(0, terminal.width - 12), terminal))}`;
  }

  #erase(): void {
    if (this.#drawn === 0) return;
    const { narration } = this.#options;
    narration.move('clear line');
    for (let line = 1; line < this.#drawn; line++) narration.move('clear line above');
    this.#drawn = 0;
  }

  #animate(): void {
    if (this.#steps.size > 0 && this.#timer === undefined) {
      this.#timer = setInterval(() => {
        this.#frame++;
        this.#draw();
      }, frameMs);
      this.#timer.unref();
    } else if (this.#steps.size === 0 && this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  get #marks() {
    return this.#options.narration.terminal.unicode ? marks.unicode : marks.ascii;
  }

  #paint(style: Parameters<typeof paint>[0], text: string): string {
    return paint(style, text, this.#options.narration.terminal);
  }
}
