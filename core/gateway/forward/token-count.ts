/** Counts the tokens of an answer on its way to the client, for keys with a limit on tokens. */
import type { WorkerSink } from '../gateway.ts';

/** The usage comes at the end of an answer, and no engine's is longer. */
const tailBytes = 8 * 1024;

/** The same sink; `onEnd` gets the number of tokens once, when the answer has ended or was cut off. */
export const countTokens = (sink: WorkerSink, onEnd: (tokens: number) => void): WorkerSink => {
  let tail = '';
  let events = 0;
  const end = () => onEnd(usedTokens(tail) ?? events);
  return {
    ...sink,
    write: (chunk) => {
      const text = chunk.toString('latin1');
      events += eventsIn(text);
      tail = (tail + text).slice(-tailBytes);
      return sink.write(chunk);
    },
    end: () => {
      end();
      sink.end();
    },
    breakOff: (error) => {
      end();
      sink.breakOff(error);
    },
  };
};

/** Streams without usage have about one token per event. */
const eventsIn = (text: string): number => {
  let count = Number(text.startsWith('data: '));
  for (let at = text.indexOf('\ndata: '); at >= 0; at = text.indexOf('\ndata: ', at + 1)) count += 1;
  return count;
};

const usedTokens = (text: string): number | undefined => {
  const total = lastNumber(text, totalTokens);
  if (total !== undefined) return total;
  const [prompt, answer] = [lastNumber(text, inputTokens), lastNumber(text, outputTokens)];
  return prompt === undefined && answer === undefined ? undefined : (prompt ?? 0) + (answer ?? 0);
};

const totalTokens = { name: '"total_tokens"', number: /"total_tokens"\s*:\s*(\d{1,12})/y };
const inputTokens = { name: '"input_tokens"', number: /"input_tokens"\s*:\s*(\d{1,12})/y };
const outputTokens = { name: '"output_tokens"', number: /"output_tokens"\s*:\s*(\d{1,12})/y };

const lastNumber = (text: string, { name, number }: typeof totalTokens): number | undefined => {
  number.lastIndex = text.lastIndexOf(name);
  if (number.lastIndex < 0) return undefined;
  const digits = number.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
};
