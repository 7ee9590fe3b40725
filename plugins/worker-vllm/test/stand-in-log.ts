/** Lines as vLLM's processes write them: who, how important, when, where, what. */

export type Say = (text: string, level?: 'INFO' | 'WARNING' | 'ERROR') => void;

/** vLLM writes to both streams; a hive reads both into one log. */
export const sayAs =
  (who: 'APIServer' | 'EngineCore', file: string): Say =>
  (text, level = 'INFO') => {
    const stream = level === 'INFO' ? process.stdout : process.stderr;
    for (const line of text.split('\n')) {
      stream.write(`(${who} pid=${process.pid}) ${level} 09-19 15:35:02 [${file}:120] ${line}\n`);
    }
  };

/** The bar that counts weights files: redrawn each time, and ended with a line break so that it mixes with a log. */
export const shardBar = (done: number, all: number): string => {
  const percent = String(Math.floor((100 * done) / all)).padStart(3);
  return `\r(EngineCore pid=${process.pid}) Loading safetensors checkpoint shards: ${percent}% Completed | ${done}/${all} [00:01<00:01,  1.15it/s]\n`;
};
