/** NDJSON from a byte stream: one value a line, however the bytes are cut. */
import type { Readable } from 'node:stream';
import { LineSplitter } from '../lifecycle/lines.ts';

/** Rejects with the stream's own error when it breaks off, and with LineTooLong. */
export async function* readLines<Value>(stream: Readable): AsyncGenerator<Value, void, void> {
  const splitter = new LineSplitter();
  for await (const chunk of stream as AsyncIterable<Buffer>)
    for (const line of splitter.push(chunk)) if (line !== '') yield JSON.parse(line) as Value;
}
