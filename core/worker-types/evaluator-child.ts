/**
 * The process that evaluates a plugin's code: Node's permission model denies writes, reads outside its package, network
 * and child processes; signals are blocked as well. Reads calls as lines of its standard input, writes plain-data
 * answers as lines on a pipe, and exits with its parent.
 */
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { callMember, describeType } from '../contract/worker-type/members.ts';
import type { WorkerType } from '../contract/worker-type/worker-type.ts';
import { confine } from './confine.ts';

/** A call to `member` of the worker type exported by `entry`, with `args`. Without a member: describe the type. */
export interface EvaluatorCall {
  id: number;
  entry: string;
  /** `command`, `variants.cuda.fits`, `probes.list-devices.parse`. */
  member?: string;
  args: readonly unknown[];
}

export type EvaluatorAnswer = { id: number; value: unknown } | { id: number; error: string };

const load = async (entry: string): Promise<WorkerType> => {
  const module = (await import(pathToFileURL(entry).href)) as { default?: WorkerType };
  if (typeof module.default !== 'object' || module.default === null)
    throw new Error('its default export is not a worker type');
  return module.default;
};

const answer = async ({ id, entry, member, args }: EvaluatorCall): Promise<string> => {
  try {
    const type = await load(entry);
    const value = member === undefined ? describeType(type) : await callMember(type, member, args);
    return JSON.stringify({ id, value: value ?? null } satisfies EvaluatorAnswer);
  } catch (error) {
    const words = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return JSON.stringify({ id, error: words } satisfies EvaluatorAnswer);
  }
};

/** The pipe for answers. */
const answersFd = 3;

const send = (line: string): void => {
  const bytes = Buffer.from(`${line}\n`);
  for (let sent = 0; sent < bytes.length; ) sent += writeSync(answersFd, bytes, sent);
};

confine();
let rest = '';
process.stdin.setEncoding('utf8').on('data', (text: string) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) void answer(JSON.parse(line) as EvaluatorCall).then(send);
});
process.stdin.on('end', () => process.exit(0));
