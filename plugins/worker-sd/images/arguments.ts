/** The arguments that the programs of both engines take. Each is written `--name=value`, whatever the value begins with. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { exitCodes, StartError } from '@rbee/worker-server';
import type { ServeOptions } from './serve.ts';

const common = {
  alias: { type: 'string', multiple: true },
  host: { type: 'string' },
  port: { type: 'string' },
  'queue-limit': { type: 'string' },
  'max-images': { type: 'string' },
  'max-size': { type: 'string' },
  'max-steps': { type: 'string' },
  steps: { type: 'string' },
  guidance: { type: 'string' },
  size: { type: 'string' },
} satisfies ParseArgsOptionsConfig;

export interface ParsedArguments {
  serve: ServeOptions;
  /** Values of one's own arguments. */
  own: Readonly<Record<string, string | undefined>>;
  /** What stands behind `--`. */
  rest: readonly string[];
}

/** `own` names further arguments with a value each. Throws a `StartError` that names what is wrong. */
export const parseArguments = (argv: readonly string[], own: readonly string[]): ParsedArguments => {
  const { values, positionals } = parse(argv, own);
  const value = (name: string, fallback: string) => (values[name] as string | undefined) ?? fallback;
  const names = (values['alias'] as string[] | undefined) ?? ['model'];
  return {
    own: Object.fromEntries(own.map((name) => [name, values[name] as string | undefined])),
    rest: positionals,
    serve: {
      names,
      host: value('host', '127.0.0.1'),
      port: whole('--port', value('port', '0'), 0, 65_535),
      queueLimit: whole('--queue-limit', value('queue-limit', '16'), 0, 100_000),
      bounds: {
        images: whole('--max-images', value('max-images', '10'), 1, 100),
        size: whole('--max-size', value('max-size', '1024'), 64, 8192),
        steps: whole('--max-steps', value('max-steps', '150'), 1, 1000),
      },
      steps: whole('--steps', value('steps', '0'), 0, 1000),
      guidance: number('--guidance', value('guidance', '-1'), -1, 100),
      size: whole('--size', value('size', '0'), 0, 8192),
    },
  };
};

const parse = (argv: readonly string[], own: readonly string[]) => {
  const options = { ...common, ...Object.fromEntries(own.map((name) => [name, { type: 'string' as const }])) };
  const end = argv.indexOf('--');
  const [args, rest] = end === -1 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false });
    return { values: values as Record<string, unknown>, positionals: rest };
  } catch (cause) {
    throw usage((cause as Error).message, cause);
  }
};

export const whole = (name: string, text: string, least: number, most: number): number => {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usage(`${name} must be a whole number from ${least} to ${most}, not "${text}"`);
};

const number = (name: string, text: string, least: number, most: number): number => {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= least && value <= most) return value;
  throw usage(`${name} must be a number from ${least} to ${most}, not "${text}"`);
};

export const oneOf = <Choice extends string>(name: string, text: string, choices: readonly Choice[]): Choice => {
  const choice = choices.find((one) => one === text);
  if (choice === undefined) throw usage(`${name} must be one of ${choices.join(', ')}, not "${text}"`);
  return choice;
};

export const usage = (problem: string, cause?: unknown): StartError =>
  new StartError(exitCodes.usage, problem, { cause });
