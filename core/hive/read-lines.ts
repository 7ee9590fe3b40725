/** NDJSON from a byte stream: one value a line, however the bytes are cut. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Rejects with the stream's own error when it breaks off. */
export async function* readLines<Value>(stream: Readable): AsyncGenerator<Value, void, void> {
  // readline ends quietly when its input fails, so the failure is kept and told at the end.
  let failure: Error | null = null;
  stream.on('error', (error) => {
    failure = error;
  });
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const line of lines) if (line !== '') yield JSON.parse(line) as Value;
  } finally {
    lines.close();
    stream.destroy();
  }
  if (failure) throw failure;
}
