/** What a process said before it ended of an error. Node ends such a report with its version, which says nothing. */

/** How much of it is worth keeping while it runs. */
export const maxLastWords = 16_000;

/** All of it, without the version. */
export const lastWords = (stderr: string): string =>
  stderr
    .split('\n')
    .filter((line) => !/^Node\.js v\d/.test(line))
    .join('\n')
    .trim();

/** The one line that says what happened: that of the error where there is one, else the last few. */
export const lastWordsInShort = (stderr: string): string => {
  const lines = lastWords(stderr).split('\n');
  const error = lines.find((line) => /^(?:Uncaught )?(?:\[?\w*(?:Error|Exception)\b|[A-Za-z]\w*: )/.test(line));
  return error ?? lines.slice(-3).join(' ');
};
