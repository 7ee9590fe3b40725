/** What a daemon's log says of a start that failed, for people: the log itself is one JSON object a line. */

import { isErrorBody, RbeeError } from '../../contract/errors.ts';

export interface StartStory {
  /** The sentence with which it gave up, if it did so in order. */
  problem: string | undefined;
  /** The same as the error of the catalogue that it was; none when nobody could act on it. */
  error: RbeeError | undefined;
  /** Its last words, oldest first. */
  lines: string[];
}

/** `since`: milliseconds since 1970; what was logged before is of an earlier start. */
export const startStory = (log: readonly string[], since: number): StartStory => {
  const story: StartStory = { problem: undefined, error: undefined, lines: [] };
  for (const line of log) {
    const entry = parse(line);
    if (!entry) {
      if (line.trim() !== '') story.lines.push(line);
      continue;
    }
    if (entry.time < since) {
      // Whatever stood before an older entry is older still.
      story.lines = [];
      continue;
    }
    if (entry.level >= fatal) {
      story.problem = entry.msg;
      story.error = asError(entry);
    }
    story.lines.push(entry.hint ? `${entry.msg}; try: ${entry.hint}` : entry.msg);
  }
  return story;
};

const fatal = 60;

const asError = ({ code, msg, hint }: Entry): RbeeError | undefined => {
  const body = { code, message: msg, hint };
  return hint !== undefined && isErrorBody(body) && body.code !== 'INTERNAL' ? RbeeError.from(body) : undefined;
};

interface Entry {
  level: number;
  time: number;
  msg: string;
  code?: string;
  hint?: string;
}

const parse = (line: string): Entry | undefined => {
  try {
    const entry = JSON.parse(line) as Partial<Entry> & { err?: { message?: string; hint?: string } };
    if (typeof entry.level !== 'number' || typeof entry.time !== 'number') return undefined;
    const { level, time, code } = entry;
    return { level, time, code, msg: entry.msg ?? entry.err?.message ?? '', hint: entry.hint ?? entry.err?.hint };
  } catch {
    return undefined;
  }
};
