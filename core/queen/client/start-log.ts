/** Reads from a daemon's JSON log why its start failed. */

import { isErrorBody, RbeeError } from '../../contract/errors.ts';

export interface StartStory {
  /** The message that it gave up with, if it ended in order. */
  problem: string | undefined;
  /** That message as an error of the catalogue. Absent if there is nothing that a person could do about it. */
  error: RbeeError | undefined;
  /** Its last lines, oldest first. */
  lines: string[];
}

/** `since`, in milliseconds since 1970, excludes the log of earlier starts. */
export const startStory = (log: readonly string[], since: number): StartStory => {
  const story: StartStory = { problem: undefined, error: undefined, lines: [] };
  for (const line of log) {
    const entry = parse(line);
    if (!entry) {
      if (line.trim() !== '') story.lines.push(line);
      continue;
    }
    if (entry.time < since) {
      // Everything above an old entry is older still.
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
