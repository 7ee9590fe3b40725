/** The value of a secret: typed at the terminal without echo, or read from stdin. Never taken from the arguments. */
import { RbeeError } from '../../contract/errors.ts';
import { maxSecretBytes } from '../../contract/secret-reference.ts';
import { readStdin } from '../inference/stdin.ts';

/** Errors: INVALID_INPUT when there is none, FILE_TOO_LARGE. */
export const typedSecret = async (name: string, show: (question: string) => void): Promise<string> => {
  const value = process.stdin.isTTY ? await typed(name, show) : withoutLineEnd(await piped());
  if (value !== undefined && value !== '') return value;
  throw RbeeError.of('INVALID_INPUT', {
    what: `the value of secret ${name}`,
    problem: 'it is empty',
    hint: `type it at the prompt, or use: rbee secret set ${name} < file`,
  });
};

const typed = async (name: string, show: (question: string) => void): Promise<string | undefined> => {
  const { ask } = await import('./ask.ts');
  const question = `Value of secret ${name} (not shown):`;
  const { signal } = new AbortController();
  return ask({ kind: 'ask', id: 'secret', question, secret: true }, () => show(question), signal);
};

/** Includes the line ending. */
const piped = async (): Promise<string> => (await readStdin(maxSecretBytes + 2)).toString('utf8');

/** Editors and `echo` add a line ending. */
const withoutLineEnd = (text: string): string => text.replace(/\r?\n$/, '');
