/**
 * The command line of a worker's program. Every wrong argument becomes a `StartError` with the exit code `usage` that names
 * the argument, so that the hive can show it to the user.
 */
import { type ParseArgsConfig, type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { StartError } from './errors.ts';
import { exitCodes } from './exit-codes.ts';

type ConfigOf<Options extends ParseArgsOptionsConfig> = ParseArgsConfig & {
  options: Options;
  strict: true;
  allowPositionals: false;
};

export interface ParsedArguments<Options extends ParseArgsOptionsConfig> {
  /** By name, in the shape that `options` declares. */
  values: ReturnType<typeof parseArgs<ConfigOf<Options>>>['values'];
  /** Everything after `--`, for the engine behind an adapter. */
  rest: readonly string[];
}

/** Parses `argv` by the option declarations of `node:util`'s `parseArgs`. Positional arguments are refused. */
export const parseArguments = <const Options extends ParseArgsOptionsConfig>(
  argv: readonly string[],
  options: Options,
): ParsedArguments<Options> => {
  const end = argv.indexOf('--');
  const [args, rest] = end === -1 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  try {
    const config: ConfigOf<Options> = { args: [...args], options, strict: true, allowPositionals: false };
    return { values: parseArgs(config).values, rest };
  } catch (cause) {
    throw usageError((cause as Error).message, cause);
  }
};

/** A whole number from `min` to `max`. */
export const wholeNumber = (name: string, text: string, min: number, max: number): number => {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw usageError(`${name} must be a whole number from ${min} to ${max}, not "${text}"`);
};

/** A number from `min` to `max`, fractions included. */
export const numberBetween = (name: string, text: string, min: number, max: number): number => {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= min && value <= max) return value;
  throw usageError(`${name} must be a number from ${min} to ${max}, not "${text}"`);
};

export const oneOf = <Choice extends string>(name: string, text: string, choices: readonly Choice[]): Choice => {
  const choice = choices.find((one) => one === text);
  if (choice === undefined) throw usageError(`${name} must be one of ${choices.join(', ')}, not "${text}"`);
  return choice;
};

export const required = (name: string, text: string | undefined): string => {
  if (text === undefined || text === '') throw usageError(`${name} is required`);
  return text;
};

/** For what the other functions cannot check. */
export const usageError = (problem: string, cause?: unknown): StartError =>
  new StartError(exitCodes.usage, problem, { cause });
