/**
 * An agent that lies: the real one runs in this process, and what it says is changed on the way out. Which lie is told
 * stands in a file when it starts. It is imported by a file that takes the place of the real agent on a machine.
 */
import { readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AgentLie, agentLies, type Mouth } from './lies/agent-lies.ts';
import type { Anything } from './lies/lie.ts';

/** Where the test writes the name of the lie, for the agent that takes it first; none for the truth. */
const toldFile = join(dirname(fileURLToPath(import.meta.url)), 'agent-lie');

const { stdout, stderr } = process;
const say = stdout.write.bind(stdout) as (text: string | Buffer) => boolean;

const mostPoured = 512 * 2 ** 20;

const mouth: Mouth = {
  say: (text) => void say(text),
  complain: (text) => void stderr.write(text),
  pour: (piece) => {
    let poured = 0;
    const go = (): void => {
      if (poured > mostPoured) return;
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
  // Nothing is asked before it has greeted.
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
