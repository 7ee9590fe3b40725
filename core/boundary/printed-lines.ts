/**
 * The lines that a program printed, without blank ones and without the carriage returns that some end them with: OpenSSH
 * ends each line of its stderr with one.
 */
export const printedLines = (text: string): string[] =>
  text
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
