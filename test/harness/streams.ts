/** Token streams of workers, read and checked for gaps: from the worker itself or through the queen. */
import { readFileSync } from 'node:fs';
import { type ClientRequest, request } from 'node:http';
import { join } from 'node:path';
import type { TestHome } from './home.ts';

export interface StreamReader {
  /** Numbers of the tokens so far. */
  readonly numbers: readonly number[];
  /** How the stream ended: its last line, where that says so. Null while it runs. */
  readonly ended: string | null;
  close(): void;
}

/** The API key of a worker, from its run record. */
export const workerKey = (home: TestHome, id: string): string =>
  JSON.parse(readFileSync(join(home.paths.runs, `${id}.json`), 'utf8')).data.draft.apiKey;

/** Reads a stream of numbered tokens (`token1 token2 …`, or the numbers alone); endless unless given a count. */
export const readTokens = (url: string, model: string, apiKey?: string, tokens?: number): StreamReader => {
  const numbers: number[] = [];
  let ended: string | null = null;
  let rest = '';
  const body = JSON.stringify({
    model,
    stream: true,
    max_tokens: tokens,
    messages: [{ role: 'user', content: 'count' }],
  });
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
  };
  const call: ClientRequest = request(
    `${url}/v1/chat/completions`,
    { method: 'POST', headers, agent: false },
    (response) => {
      if (response.statusCode !== 200) ended = `status ${response.statusCode}`;
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const number = /"content":"(?:token)?(\d+) "/.exec(line)?.[1];
          if (number !== undefined) numbers.push(Number(number));
          else if (line.includes('"error"') || line === 'data: [DONE]') ended ??= line;
        }
      });
      response.on('close', () => {
        ended ??= 'closed';
      });
    },
  );
  call.on('error', (error) => {
    ended ??= error.message;
  });
  call.end(body);
  return {
    numbers,
    get ended() {
      return ended;
    },
    close: () => call.destroy(),
  };
};

/** Index of the first skipped or repeated token; -1 without one. */
export const firstGap = (numbers: readonly number[]): number =>
  numbers.findIndex((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1);
