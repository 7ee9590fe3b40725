/** Rewrites an engine's error events in a stream of server-sent events. All other bytes pass unchanged. */
import { errorIn } from './engine-error.ts';
import { type Answering, reworded } from './reworded.ts';

const lineFeed = 0x0a;
/** Enough of a line to recognize an error event. */
const headBytes = 32;
/** Longer lines pass unchanged. */
const maxLine = 64 * 1024;
const none: Buffer = Buffer.alloc(0);

/** Sent by vLLM and `@rbee/worker-server`, by older builds of vLLM, and by llama-server. */
const errorLine = /^(?:data: ?\{\s*"error"\s*:|data: ?\{\s*"object"\s*:\s*"error"|error: ?\{)/;
const errorEvent = /^event: ?error\s*$/;

/**
 * Works line by line. A chunk that does not contain `error` costs one search. When a line is split between chunks, its start
 * is held back until it is long enough to recognize.
 */
export class ErrorEvents {
  readonly #answering: Answering;
  #held = none;
  /** The last byte belonged to an unfinished line that is not an error. */
  #inLine = false;
  /** `event: error` has arrived, so the next line of data is an error. */
  #named = false;

  constructor(answering: Answering) {
    this.#answering = answering;
  }

  /** Returns the bytes to send, possibly none. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    this.#held = none;
    if (!this.#named && bytes.indexOf('error') === -1) return this.#passed(bytes);
    return this.#searched(bytes);
  }

  /** Returns what was held back. Call it at the end of the stream. */
  end(): Buffer {
    const rest = this.#held;
    this.#held = none;
    return errorLine.test(headOf(rest)) ? this.#rewritten(rest) : rest;
  }

  /** Holds back the start of a last line that may become an error. */
  #passed(bytes: Buffer): Buffer {
    if (bytes[bytes.length - 1] === lineFeed) {
      this.#inLine = false;
      return bytes;
    }
    const start = bytes.lastIndexOf(lineFeed) + 1;
    const isWithin = start === 0 && this.#inLine;
    if (isWithin || bytes.length - start >= headBytes) {
      this.#inLine = true;
      return bytes;
    }
    this.#inLine = false;
    this.#held = bytes.subarray(start);
    return bytes.subarray(0, start);
  }

  #searched(bytes: Buffer): Buffer {
    const pieces: Buffer[] = [];
    let at = 0;
    while (at < bytes.length) {
      const feed = bytes.indexOf(lineFeed, at);
      const line = bytes.subarray(at, feed === -1 ? bytes.length : feed + 1);
      at += line.length;
      if (feed === -1 && !this.#inLine && this.#mustWait(line)) {
        this.#held = line;
        break;
      }
      pieces.push(this.#inLine ? line : this.#line(line));
      this.#inLine = feed === -1;
    }
    return Buffer.concat(pieces);
  }

  #mustWait(start: Buffer): boolean {
    if (start.length < headBytes) return true;
    return start.length < maxLine && (this.#named || errorLine.test(headOf(start)));
  }

  #line(line: Buffer): Buffer {
    const head = headOf(line);
    if (errorEvent.test(head)) {
      this.#named = true;
      return none;
    }
    const isError = errorLine.test(head) || (this.#named && head.startsWith('data:'));
    // An empty line ends the event.
    if (/^\r?\n$/.test(head) || isError) this.#named = false;
    return isError ? this.#rewritten(line) : line;
  }

  /** Returns the line unchanged if it is not JSON, or if its error is null. */
  #rewritten(line: Buffer): Buffer {
    let body: unknown;
    try {
      body = JSON.parse(line.toString('utf8').replace(/^(data|error):/, ''));
    } catch {
      return line;
    }
    if (typeof body !== 'object' || body === null || ('error' in body && !body.error)) return line;
    const { error } = reworded(errorIn(body, 500), this.#answering);
    return Buffer.from(`data: ${JSON.stringify({ error })}\n`);
  }
}

const headOf = (line: Buffer): string => line.toString('latin1', 0, headBytes);
