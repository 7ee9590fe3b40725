/** A workflow that draws an image: a graph in ComfyUI's API format, with placeholders for values of the request. */
import { readFileSync } from 'node:fs';
import { exitCodes, StartError } from '@rbee/worker-server';
import type { Arguments } from './arguments.ts';
import { builtInWorkflow } from './built-in-workflow.ts';

export type Graph = Readonly<Record<string, { class_type: string; inputs: Readonly<Record<string, unknown>> }>>;

/** The values of a request. Their names in double braces are the placeholders: `{{prompt}}`. */
export interface Filling {
  prompt: string;
  negative_prompt: string;
  width: number;
  height: number;
  seed: number;
  steps: number;
  guidance: number;
  checkpoint: string;
}

export interface Workflow {
  graph: Graph;
  /** The placeholders that it contains. */
  places: ReadonlySet<string>;
}

const known = new Set(['prompt', 'negative_prompt', 'width', 'height', 'seed', 'steps', 'guidance', 'checkpoint']);
const place = /\{\{\s*(\w+)\s*\}\}/g;

/** Throws a `StartError` that says what is wrong with the file. */
export const readWorkflow = ({
  workflow,
  sampler,
  scheduler,
}: Pick<Arguments, 'workflow' | 'sampler' | 'scheduler'>): Workflow => {
  const graph = workflow === undefined ? builtInWorkflow(sampler, scheduler) : readFile(workflow);
  const places = new Set([...JSON.stringify(graph).matchAll(place)].map(([, name = '']) => name));
  const fail = (problem: string) => new StartError(exitCodes.usage, `the workflow ${workflow} ${problem}`);
  const unknown = [...places].find((name) => !known.has(name));
  if (unknown !== undefined)
    throw fail(`has an unknown placeholder {{${unknown}}}; known are: ${[...known].join(', ')}`);
  if (!places.has('prompt')) throw fail('has no placeholder {{prompt}} for the prompt of a request');
  return { graph, places };
};

const readFile = (path: string): Graph => {
  const fail = (problem: string, cause?: unknown) =>
    new StartError(exitCodes.usage, `the workflow ${path} ${problem}`, { cause });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fail(`cannot be read: ${(cause as Error).message}`, cause);
  }
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (cause) {
    throw fail(`is not JSON: ${(cause as Error).message}`, cause);
  }
  if (isGraph(read)) return read;
  const saved = typeof read === 'object' && read !== null && 'nodes' in read;
  throw fail(
    saved ? 'is in the format for saving: export it from ComfyUI with "Export (API)"' : 'is not a graph of nodes',
  );
};

const isGraph = (read: unknown): read is Graph =>
  typeof read === 'object' &&
  read !== null &&
  !Array.isArray(read) &&
  Object.keys(read).length > 0 &&
  Object.values(read).every(
    (node) => typeof node?.class_type === 'string' && typeof node.inputs === 'object' && node.inputs !== null,
  );

/** A string that is only a placeholder becomes the value itself, possibly a number; within a string it becomes text. */
export const fill = ({ graph }: Workflow, filling: Filling): Graph => filled(graph, filling) as Graph;

const filled = (value: unknown, filling: Filling): unknown => {
  if (typeof value === 'string') {
    const whole = /^\{\{\s*(\w+)\s*\}\}$/.exec(value)?.[1];
    if (whole !== undefined) return filling[whole as keyof Filling];
    return value.replaceAll(place, (_, name: string) => String(filling[name as keyof Filling]));
  }
  if (Array.isArray(value)) return value.map((item) => filled(item, filling));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filled(item, filling)]));
};
