/** Log lines about a file: the progress of a long one, and warnings. */

/** One line per five minutes of sound; none for shorter files. */
const everySeconds = 300;

export const createFileLog = (name: string, log: (line: string) => void) => {
  const file = name === '' ? 'file' : printable(name);
  let logged = 0;
  return {
    progress: (seconds: number, share: number): void => {
      const step = Math.floor(seconds / everySeconds);
      if (step <= logged) return;
      logged = step;
      log(`${file}: ${clock(seconds)} transcribed, ${Math.floor(share * 100)} % of it read`);
    },
    warning: (message: string): void => log(`${file}: warning: ${message}`),
  };
};

/** A name can contain anything, including line breaks. */
const printable = (name: string) => name.replace(/[^\p{L}\p{N} ._-]/gu, '?').slice(0, 80);

/** `1:05:00` */
const clock = (seconds: number) => {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
};
