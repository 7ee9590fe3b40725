/** Presents the events of a job as a conversation: nothing else is printed while a question waits for its answer. */
import { isOutcome, type JobEvent, type Narrate, type NarrationEvent } from '../../contract/api/narration.ts';

export type Question = Extract<NarrationEvent, { kind: 'ask' }>;

export interface ConversationOptions {
  narrate: Narrate;
  /**
   * Shows the question when its turn has come, gets the answer and sends it. Aborted when the job ends. If absent,
   * questions stay open.
   */
  reply?: (question: Question, show: () => void, signal: AbortSignal) => Promise<void>;
}

/** One question at a time, even if many machines ask at once. */
export class Conversation {
  readonly #narrate: Narrate;
  readonly #reply: ConversationOptions['reply'];
  readonly #over = new AbortController();
  readonly #held: NarrationEvent[] = [];
  #asking = false;

  constructor({ narrate, reply }: ConversationOptions) {
    this.#narrate = narrate;
    this.#reply = reply;
  }

  event(event: JobEvent): void {
    if (isOutcome(event)) {
      this.#over.abort();
      for (const held of this.#held.splice(0)) if (held.kind !== 'ask') this.#narrate(held);
    } else if (this.#asking) this.#held.push(event);
    else this.#tell(event);
  }

  #tell(event: NarrationEvent): void {
    const show = () => this.#narrate(event);
    if (event.kind !== 'ask' || !this.#reply) {
      show();
      return;
    }
    this.#asking = true;
    void this.#reply(event, show, this.#over.signal)
      // The job may have ended, or someone else may have answered.
      .catch(() => {})
      .finally(() => {
        this.#asking = false;
        while (!this.#asking && this.#held.length > 0) this.#tell(this.#held.shift() as NarrationEvent);
      });
  }
}
