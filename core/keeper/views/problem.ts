/** Formats an error that is part of a result: what happened, and what to try. */
import type { ErrorBody } from '../../contract/errors.ts';
import { labelled } from '../../narration/hint.ts';
import { paint, type Terminal } from '../../narration/text.ts';

/** `lead` stands before the message. */
export const formatProblem = ({ message, hint, lines = [] }: ErrorBody, terminal: Terminal, lead = ''): string => {
  const mark = paint('red', terminal.unicode ? '✖' : 'failed', terminal);
  const advice = labelled(hint);
  const said = lines.map((line) => `    ${paint('dim', '|', terminal)} ${line}\n`).join('');
  return `${mark} ${lead + message}\n${advice === '' ? '' : `    ${advice}\n`}${said}`;
};

/** The alias of the hive, unless the message already contains it. */
export const hiveBefore = (alias: string, { message }: ErrorBody): string =>
  message.split(/[^\w.-]+/).includes(alias) ? '' : `${alias}: `;
