/** Whether a stream of server-sent events was complete when it ended. */

/** Longer than the end marker and any engine's error event. */
const keepBytes = 4_096;

/** Keeps references to the last chunks; copies and reads nothing before the end. */
export class StreamEnd {
  #chunks: Buffer[] = [];
  #bytes = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#chunks.length > 1 && this.#bytes - this.#chunks[0]!.length >= keepBytes) {
      this.#bytes -= this.#chunks.shift()!.length;
    }
  }

  /** True after OpenAI's end marker or an error event: both tell the client how the stream ended. */
  isProper(): boolean {
    const tail = Buffer.concat(this.#chunks).toString('latin1');
    return /(^|\n)data: ?(\[DONE\]|\{\s*"error")/.test(tail) || /(^|\n)(event: ?error|error: ?\{)/.test(tail);
  }
}
