/** How a stream of server-sent events ended: whether its last words are those of a whole answer. */

/** More than the end marker and any error event of an engine. */
const keepBytes = 4_096;

/** Keeps the last chunks by reference; nothing is copied or read until the end. */
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

  /** The end marker of OpenAI's streams, or an error event: either tells the client how it ended. */
  isProper(): boolean {
    const tail = Buffer.concat(this.#chunks).toString('latin1');
    return /(^|\n)data: ?(\[DONE\]|\{\s*"error")/.test(tail) || /(^|\n)event: ?error/.test(tail);
  }
}
