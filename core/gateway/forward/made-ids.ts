/** Reads the ids that a worker made from its answer, as it passes. */
import type { Sink } from './forward.ts';
import type { ResponseHeaders } from './headers.ts';

/** Answers that make an id are short; a longer one is not read. */
const maxBytes = 1024 * 1024;

/** A string or number of a made id, by its name. */
type OnMade = (name: string, id: string) => void;

/**
 * The same sink, which also reports the ids in a successful JSON answer before the client can have read its end. `fields` says
 * where they are: by the name of the id, the field that holds it.
 */
export const readMadeIds = <Target extends Sink>(
  sink: Target,
  fields: Readonly<Record<string, string>>,
  onMade: OnMade,
): Target => {
  let kept: Buffer[] | undefined;
  let bytes = 0;
  const reading: Sink = {
    begin: (status, headers) => {
      if (status < 300 && isPlainJson(headers)) kept = [];
      sink.begin(status, headers);
    },
    write: (chunk) => {
      bytes += chunk.length;
      if (bytes > maxBytes) kept = undefined;
      kept?.push(chunk);
      return sink.write(chunk);
    },
    onDrain: (drained) => sink.onDrain(drained),
    end: () => {
      if (kept) for (const [name, id] of idsIn(Buffer.concat(kept), fields)) onMade(name, id);
      sink.end();
    },
    breakOff: (error) => sink.breakOff(error),
  };
  return Object.assign(Object.create(sink) as Target, reading);
};

const isPlainJson = (headers: ResponseHeaders): boolean =>
  /^application\/([\w.-]+\+)?json\b/i.test(String(headers['content-type'] ?? '')) &&
  headers['content-encoding'] === undefined;

const idsIn = (body: Buffer, fields: Readonly<Record<string, string>>): [name: string, id: string][] => {
  let answer: unknown;
  try {
    answer = JSON.parse(body.toString('utf8'));
  } catch {
    return [];
  }
  return Object.entries(fields).flatMap(([name, field]) => {
    const id = field.split('.').reduce<unknown>(fieldOf, answer);
    return typeof id === 'string' || typeof id === 'number' ? [[name, String(id)]] : [];
  });
};

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
