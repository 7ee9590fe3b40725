/** Log lines in vLLM's format: process, level, time, source, message. */

export type Say = (text: string, level?: 'INFO' | 'WARNING' | 'ERROR') => void;

/** vLLM writes to both streams; the hive reads both into one log. */
export const sayAs =
  (who: 'APIServer' | 'EngineCore', file: string): Say =>
  (text, level = 'INFO') => {
    const stream = level === 'INFO' ? process.stdout : process.stderr;
    for (const line of text.split('\n')) {
      stream.write(`(${who} pid=${process.pid}) ${level} 09-19 15:35:02 [${file}:120] ${line}\n`);
    }
  };

/** The progress bar of weights files: redrawn each time, with a line break so that it mixes with the log. */
export const shardBar = (done: number, all: number): string => {
  const percent = String(Math.floor((100 * done) / all)).padStart(3);
  return `\r(EngineCore pid=${process.pid}) Loading safetensors checkpoint shards: ${percent}% Completed | ${done}/${all} [00:01<00:01,  1.15it/s]\n`;
};
