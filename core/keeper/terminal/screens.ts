/** Standard output and standard error: the only file of the command line that writes to them. */
import { Screen } from '../../narration/screen.ts';
import { terminalOf } from '../../narration/text.ts';

/** Results go here. */
export const standardOutput = (env: NodeJS.ProcessEnv): Screen =>
  new Screen(process.stdout, terminalOf(process.stdout, env));

/** Narration and errors go here. */
export const standardError = (env: NodeJS.ProcessEnv): Screen =>
  new Screen(process.stderr, terminalOf(process.stderr, env));

/** For readline, which echoes what is typed. Its questions go through `printable`. */
export const typedText = (): NodeJS.WriteStream => process.stderr;
