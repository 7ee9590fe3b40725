/**
 * The lines that a program printed, without empty ones and carriage returns: OpenSSH ends each line of its stderr with
 * one.
 */
export const printedLines = (text: string): string[] =>
  text
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
