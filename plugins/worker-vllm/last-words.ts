/** The end of vLLM's log: lines without the prefix of their process, and the root cause among the errors. */

/** `(EngineCore pid=12) ERROR 06-19 15:35:00 [core.py:708] text` is `text`. Each redraw of a progress bar counts as a line. */
export const plainLines = (log: readonly string[]): string[] =>
  log
    .flatMap((line) => line.slice(-maxLineLength).split('\r'))
    .map((line) => line.replace(colours, '').replace(head, '').trimEnd())
    .filter((line) => line !== '');

const maxLineLength = 4_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: starts a colour code.
const colours = /\u001b\[[\d;]*m/g;
const head =
  /^(?:\([\w:. -]{1,60} pid=\d+\) ?)?(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) \S{1,20} \S{1,20} (?:\[[\w./-]+:\d+\] ?)?)?/;

/** Errors that only report an error in another process. */
const wrappers = [
  /Engine core initialization failed/,
  /EngineDeadError|EngineCore encountered an issue/,
  /WorkerProc initialization failed/,
  /Worker failed with error .*(?:root cause|stack trace above)/,
  /^(?:SystemExit|KeyboardInterrupt|asyncio\.\S*CancelledError)\b/,
];
const exception = /^((?:\w+\.)*\w*(?:Error|Exception|Exit|Interrupt))(?:: (.*))?$/;

/** The last exception that does not wrap another one, as `ValueError: text`; undefined if there is none. */
export const rootCause = (log: readonly string[]): string | undefined => {
  const lines = plainLines(log);
  for (let at = lines.length - 1; at >= 0; at -= 1) {
    const line = lines[at] as string;
    const found = exception.exec(line);
    if (found === null || wrappers.some((wrapper) => wrapper.test(line))) continue;
    // Some messages start on the next line.
    const text = found[2]?.trim() || (lines[at + 1] ?? '').trim();
    return `${found[1]?.split('.').at(-1)}${text === '' ? '' : `: ${text}`}`.slice(0, 500);
  }
  return undefined;
};
