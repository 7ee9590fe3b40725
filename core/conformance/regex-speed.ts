/** Whether a regular expression gets lost in a hostile line of a log. */
import { createContext, Script } from 'node:vm';

const lineLength = 4_000;
/** Far above what a linear or quadratic search takes for such a line, on any machine. */
const patienceMs = 2_000;

/**
 * A line over which the search does not end in reasonable time; null when there is none among the usual traps. A line that
 * the pattern matches makes better traps.
 */
export const slowLine = ({ source, flags }: Pick<RegExp, 'source' | 'flags'>, example = ''): string | null => {
  const context = createContext({ source, flags, line: '' });
  const search = new Script('new RegExp(source, flags).test(line)');
  for (const line of trapsFor(source, example)) {
    context['line'] = line;
    try {
      search.runInContext(context, { timeout: patienceMs });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return line;
      throw error;
    }
  }
  return null;
};

/** Long runs of what the pattern likes, with an end that it does not like. */
const trapsFor = (source: string, sample: string): string[] => {
  const words = source.replace(/\\./g, ' ').match(/[\w ]{2,}/g) ?? [];
  const liked = new Set(['a', '0', ' ', 'a ', '1.', '\t', '-', ...words, sample, sample.slice(0, -1), ...sample]);
  const units = [...liked].filter((unit) => unit !== '');
  const runs = units.map((unit) => unit.repeat(Math.ceil(lineLength / unit.length)).slice(0, lineLength));
  // Each character of the example again and again in its own place, as where a number is to stand.
  const stuck = [...sample.slice(0, 200)].map((unit, at) => sample.slice(0, at) + unit.repeat(lineLength));
  return [...runs, ...runs.map((run) => `${sample.slice(0, -1)}${run}`), ...stuck].map((line) => `${line}\u0001`);
};
