/** Watches the length of ComfyUI's queue, which ComfyUI sends to every client. */

const againAfterMs = 1000;

export class QueueWatch {
  readonly #url: string;
  #remaining = 0;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** `url` is ComfyUI's address. Starts at once. */
  constructor(url: string) {
    this.#url = `${url.replace(/^http/, 'ws')}/ws?clientId=rbee-queue`;
    this.#connect();
  }

  /** ComfyUI works on one prompt at a time. */
  get running(): number {
    return Math.min(1, this.#remaining);
  }

  get waiting(): number {
    return Math.max(0, this.#remaining - 1);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect(): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.#read(data);
    });
    socket.addEventListener('close', () => {
      this.#remaining = 0;
      if (!this.#closed) this.#timer = setTimeout(() => this.#connect(), againAfterMs).unref();
    });
    // A close event follows.
    socket.addEventListener('error', () => {});
  }

  #read(message: string): void {
    if (!message.startsWith('{"type": "status"') && !message.includes('queue_remaining')) return;
    const { data } = JSON.parse(message) as { data?: { status?: { exec_info?: { queue_remaining?: number } } } };
    this.#remaining = data?.status?.exec_info?.queue_remaining ?? this.#remaining;
  }
}
