/**
 * An agent that lies: the real agent runs in this process, and its output is changed on the way out. When it starts, it
 * reads from a file which lie to tell. A file that replaces the real agent on a machine imports this one.
 */
import { readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AgentLie, agentLies, type Mouth } from './lies/agent-lies.ts';
import type { Anything } from './lies/lie.ts';

/**
 * The test writes the name of a lie here for the next agent that starts; without the file, the agent tells the truth.
 */
const toldFile = join(dirname(fileURLToPath(import.meta.url)), 'agent-lie');

const { stdout, stderr } = process;
const say = stdout.write.bind(stdout) as (text: string | Buffer) => boolean;

const maxPouredBytes = 512 * 2 ** 20;

const mouth: Mouth = {
  say: (text) => void say(text),
  complain: (text) => void stderr.write(text),
  pour: (piece) => {
    let poured = 0;
    const go = (): void => {
      if (poured > maxPouredBytes) return;
      poured += piece.length;
      if (say(piece)) setImmediate(go);
      else stdout.once('drain', go);
    };
    go();
  },
  exit: (code) => process.exit(code),
};

export const lieAs = async (agent: string): Promise<void> => {
  const lie = takeLie();
  for (const stream of [stdout, stderr]) stream.on('error', () => process.exit(0));
  lie?.first?.(mouth);
  if (lie?.instead) {
    lie.instead(mouth);
    // Like the real one, it ends with its connection.
    process.stdin.on('end', () => process.exit(0)).resume();
    return;
  }
  const methods = new Map<number, string>();
  if (lie) stdout.write = ((line: string) => lied(lie, methods, line)) as typeof stdout.write;
  // Before its greeting it gets no requests.
  let rest = '';
  process.stdin.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const { id, method } = JSON.parse(line) as { id?: number; method?: string };
      if (id !== undefined && method !== undefined) methods.set(id, method);
    }
  });
  await import(agent);
};

const takeLie = (): AgentLie | undefined => {
  const taken = `${toldFile}.${process.pid}`;
  try {
    renameSync(toldFile, taken);
  } catch {
    return undefined;
  }
  const name = readFileSync(taken, 'utf8');
  return agentLies.find((one) => one.name === name);
};

const lied = (lie: AgentLie, methods: ReadonlyMap<number, string>, line: string): boolean => {
  const said = JSON.parse(line) as Anything;
  const tell = (value: unknown): boolean =>
    value === undefined || say(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`);
  if ('hello' in said) return tell(lie.hello ? lie.hello(said) : said);
  const method = methods.get(said.id) ?? '';
  const answer = lie.answers?.[method];
  if (answer) return tell(answer(said, mouth));
  const result = lie.results?.[method];
  return tell(result && 'result' in said ? { id: said.id, result: result(said.result) } : said);
};
