/** Reads what another machine sends, with limits on size and time. */
import { finished, type Readable } from 'node:stream';
import { BadInput } from './bad-input.ts';
import { LineSplitter } from './lines.ts';
import { type Rate, RateLimit } from './rate-limit.ts';

export interface BodyLimits {
  maxBytes: number;
  /** Milliseconds for the whole body. */
  timeoutMs: number;
}

/** The whole body. Throws BadInput when it is too long or takes too long, and the stream's own error. */
export const readText = async (stream: Readable, { maxBytes, timeoutMs }: BodyLimits): Promise<string> => {
  const late = new BadInput(`its answer took longer than ${timeoutMs / 1_000} s`);
  const timer = setTimeout(() => stream.destroy(late), timeoutMs);
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new BadInput(`its answer is longer than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
};

/** Throws BadInput when it is not JSON, too long or too slow, and the stream's own error. */
export const readJson = async (stream: Readable, limits: BodyLimits): Promise<unknown> =>
  parseJson(await readText(stream, limits));

export interface LineLimits {
  /** Of one line. */
  maxLineBytes: number;
  /** Of all lines together; no limit when absent. */
  maxBytes?: number;
  /** Number of lines, whatever their length. */
  lines: Rate;
  /** Bytes of all lines. */
  bytes: Rate;
}

/**
 * Calls `take` with each JSON value, one per line, as it arrives. Resolves with the first defined result of `take` and
 * then closes the stream; with undefined when the stream ends first. Throws BadInput when a line is not JSON or too
 * long, or when the limits are exceeded; what `take` throws; and the stream's own error.
 */
export const readJsonLines = <Result = never>(
  stream: Readable,
  limits: LineLimits,
  take: (value: unknown) => Result | undefined,
): Promise<Result | undefined> => {
  const splitter = new LineSplitter(limits.maxLineBytes);
  const lineRate = new RateLimit(limits.lines);
  const byteRate = new RateLimit(limits.bytes);
  let bytes = 0;
  const read = (chunk: Buffer): Result | undefined => {
    bytes += chunk.length;
    if (bytes > (limits.maxBytes ?? Number.POSITIVE_INFINITY)) {
      throw new BadInput(`its answer is longer than ${limits.maxBytes} bytes`);
    }
    if (!byteRate.take(chunk.length)) throw new BadInput('it sends too many bytes a second');
    const lines = splitter.push(chunk);
    if (!lineRate.take(lines.length)) throw new BadInput('it sends too many lines a second');
    for (const line of lines) {
      const result = line === '' ? undefined : take(parseJson(line));
      if (result !== undefined) return result;
    }
    return undefined;
  };
  // Events instead of an async iterator: this halves the cost of heartbeats from a thousand hives.
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      try {
        const result = read(chunk);
        if (result === undefined) return;
        resolve(result);
      } catch (error) {
        reject(error);
      }
      stream.off('data', onData);
      stream.destroy();
    };
    finished(stream, (error) => (error ? reject(error) : resolve(undefined)));
    stream.on('data', onData);
  });
};

/** Ten times what a real hive with a thousand workers sends. */
const maxValues = 500_000;
/** Shorter texts cannot contain enough values to matter. */
const shortText = 65_536;

/**
 * Throws BadInput for text that is not JSON, or that has so many values that parsing it would take many times its size
 * in memory.
 */
export const parseJson = (text: string): unknown => {
  if (text.length > shortText && countValues(text) > maxValues) {
    throw new BadInput(`its answer has more than ${maxValues} values`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BadInput('its answer is not JSON', { cause });
  }
};

const [comma, openList, openObject] = [0x2c, 0x5b, 0x7b];

/** An upper bound: commas in strings count too. */
const countValues = (text: string): number => {
  let count = 1;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === comma || code === openList || code === openObject) count += 1;
  }
  return count;
};
