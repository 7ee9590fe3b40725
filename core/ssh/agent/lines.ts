/**
 * Lines of the agent's protocol. They end at a line feed and nowhere else: readline also ends them at U+2028 and
 * U+2029, which JSON leaves as they are inside of strings.
 */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Begins to read. What is left after the last line feed is no line. */
export const onLines = (stream: Readable, onLine: (line: string) => void): void => {
  const decoder = new StringDecoder('utf8');
  // A long line comes in many pieces, and is put together once.
  let begun: string[] = [];
  stream.on('data', (chunk: Buffer) => {
    const [rest = '', ...lines] = decoder.write(chunk).split('\n');
    begun.push(rest);
    for (const next of lines) {
      const line = begun.join('');
      begun = [next];
      onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    }
  });
  stream.resume();
};
