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
const eventsIn = (text: string): number => text.split('\ndata: ').length - 1 + Number(text.startsWith('data: '));

const usedTokens = (text: string): number | undefined => {
  const total = lastNumber(text, 'total_tokens');
  if (total !== undefined) return total;
  const [prompt, answer] = [lastNumber(text, 'input_tokens'), lastNumber(text, 'output_tokens')];
  return prompt === undefined && answer === undefined ? undefined : (prompt ?? 0) + (answer ?? 0);
};

const lastNumber = (text: string, name: string): number | undefined => {
  const matches = [...text.matchAll(new RegExp(`"${name}"\\s*:\\s*(\\d{1,12})`, 'g'))];
  const last = matches.at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
};
