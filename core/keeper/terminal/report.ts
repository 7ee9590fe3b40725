/** Reports errors: their text, format and exit code. */

import type { SyncReport } from '../../contract/api/sync.ts';
import { type ErrorBody, errorCatalogue, RbeeError } from '../../contract/errors.ts';
import { labelled } from '../../narration/hint.ts';
import { paint, type Terminal } from '../../narration/text.ts';

/** Exit codes that scripts may rely on. */
export const exitCodes = { fine: 0, failed: 1, usage: 2, drift: 2, partly: 3, interrupted: 130 } as const;

/** The exit code of an error: 2 if the command line is wrong. */
export const exitCodeOf = (error: RbeeError): number => {
  if (error.code === 'SYNC_INCOMPLETE') return exitCodes.partly;
  if (error.code === 'SYNC_DRIFT') return exitCodes.drift;
  return errorCatalogue[error.code].status === 400 && error.code !== 'CONFIG_INVALID'
    ? exitCodes.usage
    : exitCodes.failed;
};

/** The exit code of a sync. */
export const syncExitCode = ({ cancelled, failed, partial }: SyncReport): number => {
  if (cancelled) return exitCodes.interrupted;
  return failed ? exitCodes.failed : partial ? exitCodes.partly : exitCodes.fine;
};

/** An error for people: what happened, what to try, and output of the engine. */
export const formatError = (error: ErrorBody, terminal: Terminal): string => {
  const lines = (error.lines ?? []).map((line) => `  ${paint('dim', '|', terminal)} ${line}\n`);
  const text = labelled(error.hint).replace(/^try:/, paint('bold', 'try:', terminal));
  const hint = text === '' ? '' : `  ${text}\n`;
  return `${paint('red', 'error:', terminal)} ${error.message}\n${hint}${lines.join('')}`;
};

/** The same for programs. */
export const errorJson = (error: RbeeError): { error: ErrorBody } => ({ error: error.toJSON() });

/** Turns anything thrown into an error from the catalogue; errors of the command line parser become USAGE. */
export const asReportable = (thrown: unknown, help: string, nearFlag: (flag: string) => string): RbeeError => {
  if (thrown instanceof RbeeError) return thrown;
  if (isUsageError(thrown)) {
    return RbeeError.of('USAGE', { problem: usageProblem(thrown, nearFlag), help }, { cause: thrown });
  }
  const problem = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  const lines = process.env['DEBUG'] && thrown instanceof Error ? thrown.stack?.split('\n').slice(1) : undefined;
  return RbeeError.of(
    'INTERNAL',
    { part: 'rbee', problem, log: 'the output with DEBUG=rbee' },
    { cause: thrown, lines },
  );
};

/** Whether this is an error of oclif's parser. */
interface UsageError extends Error {
  args?: readonly unknown[];
  flags?: readonly string[];
}

const isUsageError = (thrown: unknown): thrown is UsageError =>
  thrown instanceof Error &&
  ('parse' in thrown || ('oclif' in thrown && (thrown.oclif as { exit?: number }).exit === 2));

const missingArguments = ({ message, args = [] }: UsageError): string[] =>
  /^Missing \d+ required arg/.test(message)
    ? args.flatMap((arg) => (arg as { name?: string }).name?.toUpperCase() ?? [])
    : [];

const usageProblem = (error: UsageError, nearFlag: (flag: string) => string): string => {
  const [flag] = error.flags ?? [];
  if (error.message.startsWith('Nonexistent flag') && flag !== undefined) {
    return `there is no flag ${flag}${nearFlag(flag)}`;
  }
  const missing = missingArguments(error);
  if (missing.length > 0) return `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing`;
  const text = error.message.replace(/\n?See more help with --help$/, '').trim();
  // The parser prints lists on several lines, with the names in the first column.
  const [first = '', ...rest] = text.split('\n').filter((line) => line.trim() !== '');
  const names = rest.map((line) => line.trim().split(/\s{2,}/)[0]);
  const several = /^The following errors? occurred:/.test(first);
  const sentence = several
    ? rest.map((line) => line.trim()).join('; ')
    : names.length > 0
      ? `${first} ${names.join(', ')}`
      : first;
  const plain = sentence
    .replace(/\s+/g, ' ')
    .replace(/\.{4,}/g, '...')
    .replace(/[.:]$/, '')
    .replace(/^Parsing (--\S+) Expected (an? .+?) but received: (.*)$/, '$1 must be $2, not "$3"')
    .trim();
  return plain.charAt(0).toLowerCase() + plain.slice(1);
};
