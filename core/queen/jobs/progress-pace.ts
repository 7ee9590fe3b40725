/** Throttles the progress events of a step to one per `everyMs`, always including the last before the step ends. */
import type { BoundedEvent } from './bounded-event.ts';

type Progress = Extract<BoundedEvent, { kind: 'progress' }>;

const everyMs = 100;
/** Maximum number of throttled steps. When a new one exceeds it, the step with the oldest event is dropped. */
const maxSteps = 1_000;

export class ProgressPace {
  readonly #tell: (event: Progress) => void;
  readonly #steps = new Map<string, { at: number; latest?: Progress }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (event: Progress) => void) {
    this.#tell = tell;
  }

  take(event: Progress): void {
    const now = performance.now();
    const step = this.#steps.get(event.id);
    if (step && now - step.at < everyMs) {
      step.latest = event;
      this.#timer ??= setTimeout(() => this.#tellLatest(), everyMs).unref();
      return;
    }
    this.#steps.delete(event.id);
    this.#steps.set(event.id, { at: now });
    this.#tell(event);
    const [oldest] = this.#steps.keys();
    if (this.#steps.size > maxSteps && oldest !== undefined) this.end(oldest);
  }

  /** Emits the pending value of a step that ends. */
  end(id: string): void {
    const latest = this.#steps.get(id)?.latest;
    this.#steps.delete(id);
    if (latest) this.#tell(latest);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const id of [...this.#steps.keys()]) this.end(id);
  }

  #tellLatest(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const step of this.#steps.values()) {
      const { latest } = step;
      if (!latest) continue;
      delete step.latest;
      step.at = now;
      this.#tell(latest);
    }
  }
}
