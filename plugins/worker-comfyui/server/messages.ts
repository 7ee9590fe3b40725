/** Reads the messages of ComfyUI's WebSocket one by one. */

export interface Message {
  type: string;
  data: { prompt_id?: string; node?: string | null; value?: number; max?: number };
}

export class Messages {
  readonly #socket: WebSocket;
  readonly #signal: AbortSignal;
  readonly #unread: Message[] = [];
  #wake: () => void = () => {};
  readonly #onAbort = () => this.#wake();

  private constructor(url: string, signal: AbortSignal) {
    this.#socket = new WebSocket(url);
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
    this.#socket.addEventListener('message', ({ data }) => {
      // Binary messages are previews.
      if (typeof data !== 'string') return;
      this.#unread.push(JSON.parse(data) as Message);
      this.#wake();
    });
    // A close event follows.
    this.#socket.addEventListener('error', () => {});
  }

  /** Resolves once it is connected or has failed to connect: without a connection, only the steps are missing. */
  static async open(url: string, signal: AbortSignal): Promise<Messages> {
    signal.throwIfAborted();
    const messages = new Messages(url, signal);
    await new Promise<void>((resolve) => {
      messages.#wake = resolve;
      for (const type of ['open', 'close']) messages.#socket.addEventListener(type, () => resolve(), { once: true });
    });
    if (!signal.aborted) return messages;
    messages.close();
    throw signal.reason;
  }

  /** Returns null if none comes in time, or when the signal fires. */
  async next(limitMs: number): Promise<Message | null> {
    if (this.#unread.length === 0 && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#unread.shift() ?? null;
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#socket.close();
  }
}
