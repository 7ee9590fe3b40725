/** Rewrites an engine's error events in a stream of server-sent events. All other bytes pass unchanged. */
import { errorIn } from './engine-error.ts';
import { type Answering, reworded } from './reworded.ts';

const lineFeed = 0x0a;
/** An error event can be told by so many bytes of its line. */
const headBytes = 32;
/** Of a longer line, nothing is rewritten. */
const maxLine = 64 * 1024;
const none: Buffer = Buffer.alloc(0);

/** vLLM and our own server, older builds of both, llama-server. */
const errorLine = /^(?:data: ?\{\s*"error"\s*:|data: ?\{\s*"object"\s*:\s*"error"|error: ?\{)/;
const errorEvent = /^event: ?error\s*$/;

/**
 * Works by lines, as an error is a line of its own. A chunk without the word `error` costs one search. The start of a line
 * that is split between chunks is held back until it is long enough to tell.
 */
export class ErrorEvents {
  readonly #answering: Answering;
  #held = none;
  /** The last byte was within a line that is no error. */
  #inLine = false;
  /** The next line of data is an error, by the name of its event. */
  #named = false;

  constructor(answering: Answering) {
    this.#answering = answering;
  }

  /** What to send for a chunk; may be empty. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    this.#held = none;
    if (!this.#named && bytes.indexOf('error') === -1) return this.#passed(bytes);
    return this.#searched(bytes);
  }

  /** What is still held back at the end of the stream. */
  end(): Buffer {
    const rest = this.#held;
    this.#held = none;
    return errorLine.test(headOf(rest)) ? this.#rewritten(rest) : rest;
  }

  /** All but the start of a line at the end that may become an error. */
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

  /** The line itself if it is not JSON, or if its error is null. */
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
