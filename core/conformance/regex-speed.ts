/** Whether a hostile log line makes a regular expression extremely slow. */
import { createContext, Script } from 'node:vm';

const lineLength = 4_000;
/** Far above what a linear or quadratic search takes for such a line, on any machine. */
const timeoutMs = 2_000;

/**
 * A line on which the search takes too long; null if none of the known traps does. An example line that the pattern
 * matches makes better traps.
 */
export const slowLine = ({ source, flags }: Pick<RegExp, 'source' | 'flags'>, example = ''): string | null => {
  const context = createContext({ source, flags, line: '' });
  const search = new Script('new RegExp(source, flags).test(line)');
  for (const line of trapsFor(source, example)) {
    context['line'] = line;
    try {
      search.runInContext(context, { timeout: timeoutMs });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return line;
      throw error;
    }
  }
  return null;
};

/** Long runs of characters that the pattern matches, with an end that it does not match. */
const trapsFor = (source: string, sample: string): string[] => {
  const words = source.replace(/\\./g, ' ').match(/[\w ]{2,}/g) ?? [];
  const liked = new Set(['a', '0', ' ', 'a ', '1.', '\t', '-', ...words, sample, sample.slice(0, -1), ...sample]);
  const units = [...liked].filter((unit) => unit !== '');
  const runs = units.map((unit) => unit.repeat(Math.ceil(lineLength / unit.length)).slice(0, lineLength));
  // Each character of the example, repeated in its place: the pattern may expect a number there.
  const stuck = [...sample.slice(0, 200)].map((unit, at) => sample.slice(0, at) + unit.repeat(lineLength));
  return [...runs, ...runs.map((run) => `${sample.slice(0, -1)}${run}`), ...stuck].map((line) => `${line}\u0001`);
};
