/** The last output of a process that died of an error. Drops the version that Node prints at the end. */

/** How much output to keep while it runs. */
export const maxLastWords = 16_000;

/** The whole output, without the version. */
export const lastWords = (stderr: string): string =>
  stderr
    .split('\n')
    .filter((line) => !/^Node\.js v\d/.test(line))
    .join('\n')
    .trim();

/** The line that says what happened: the error if there is one, else the last few lines. */
export const lastWordsInShort = (stderr: string): string => {
  const lines = lastWords(stderr).split('\n');
  const error = lines.find((line) => /^(?:Uncaught )?(?:\[?\w*(?:Error|Exception)\b|[A-Za-z]\w*: )/.test(line));
  return error ?? lines.slice(-3).join(' ');
};
