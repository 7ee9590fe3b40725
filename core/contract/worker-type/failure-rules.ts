/** Finds the rule of a plugin's `failures` that explains how an engine ended. Pure. */
import { constants } from 'node:os';
import type { Diagnosis, Failure, FailureExit, FailureRule } from './worker-type.ts';

export type Ending = Pick<Failure, 'log' | 'exit' | 'wasReady'>;

const maxLines = 200;
/** The time of some patterns grows with the square of the line's length. */
const maxLineLength = 2_000;
const maxGroupLength = 500;

/** The diagnosis by the first rule that matches; undefined if none does. */
export const diagnoseByRules = (rules: readonly FailureRule[], ending: Ending): Diagnosis | undefined => {
  const lines = visibleLines(ending.log);
  for (const rule of rules) {
    const groups = groupsOf(rule, ending, lines);
    if (!groups) continue;
    return { cause: rule.cause, message: fill(rule.message, groups), hint: fill(rule.hint, groups) };
  }
  return undefined;
};

/** A rule's pattern as a stateless RegExp. Throws if it is not a valid regular expression. */
export const searchOf = (pattern: NonNullable<FailureRule['pattern']>): RegExp =>
  typeof pattern === 'string' ? new RegExp(pattern) : new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));

/** The names of the placeholders in a sentence: `1`, `name`, `exit`. */
export const placeholdersOf = (sentence: string): string[] =>
  [...sentence.matchAll(placeholder)].map(([, name = '']) => name);

const placeholder = /\{(\w+)\}/g;

/** The log as a terminal would show it, without colours; each redraw of a progress bar counts as a line. */
export const visibleLines = (log: readonly string[]): string[] =>
  log.slice(-maxLines).flatMap((line) => {
    const parts = line.includes('\r') ? line.slice(-maxLineLength).split('\r') : [line];
    return parts.map((part) => part.slice(0, maxLineLength).replace(colours, ''));
  });

// biome-ignore lint/suspicious/noControlCharactersInRegex: a colour begins with one.
const colours = /\u001b\[[\d;]*m/g;

/** The placeholders' values if the rule matches; undefined if it does not. */
const groupsOf = (
  { pattern, exit, ready }: FailureRule,
  ending: Ending,
  lines: readonly string[],
): Record<string, string> | undefined => {
  if (ready !== undefined && ready !== ending.wasReady) return undefined;
  if (exit !== undefined && ![exit].flat().some((one) => endedSo(one, ending.exit))) return undefined;
  const how = { exit: exitText(ending.exit) };
  if (pattern === undefined) return exit === undefined ? undefined : how;
  const match = lastMatch(searchOf(pattern), lines);
  return match && { ...match.groups, ...Object.fromEntries(match.entries()), ...how };
};

const lastMatch = (search: RegExp, lines: readonly string[]): RegExpExecArray | undefined => {
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    const match = search.exec(lines[index] as string);
    if (match) return match;
  }
  return undefined;
};

const endedSo = (wanted: FailureExit, exit: Failure['exit']): boolean => {
  if (exit === null) return false;
  if (typeof wanted === 'number') return exit.code === wanted;
  return wanted === 'nonzero' ? exit.code !== 0 : signalOf(exit) === wanted;
};

/** Shells and other launchers exit with 128 plus the number of the signal that ended their child. */
const signalOf = ({ code, signal }: NonNullable<Failure['exit']>): string | undefined =>
  signal ?? Object.entries(constants.signals).find(([, number]) => code === 128 + number)?.[0];

const exitText = (exit: Failure['exit']): string =>
  exit === null ? 'no exit code' : (signalOf(exit) ?? `exit code ${exit.code}`);

const fill = (sentence: string, groups: Record<string, string>): string =>
  sentence.replace(placeholder, (_, name: string) => shortened(groups[name] ?? ''));

const shortened = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > maxGroupLength ? `${line.slice(0, maxGroupLength)}…` : line;
};
