/**
 * The process in which a plugin's describing code runs: no writes, no reads outside its package, no network, no child
 * processes (Node's permission model refuses them). Takes calls over IPC, answers plain data, ends with its parent.
 */
import { pathToFileURL } from 'node:url';
import type { WorkerType } from '../contract/worker-type.ts';

/** A call: `member` of the worker type that `entry` exports, with `args`. No member: describe the type. */
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
    throw new Error('it has no default export that is a worker type');
  return module.default;
};

/** The type as data: functions are left out, and named in `has` where they are optional. */
const describe = (type: WorkerType): unknown => ({
  ...type,
  variants: type.variants.map((variant) => ({ ...variant })),
  probes: type.probes?.map((probe) => ({ ...probe })),
  has: (['estimate', 'diagnose', 'chooseFiles'] as const).filter((member) => typeof type[member] === 'function'),
});

const find = (type: WorkerType, member: string): ((...args: unknown[]) => unknown) => {
  const [list, id, method] = member.split('.');
  const owner =
    list === 'variants' || list === 'probes'
      ? (type[list] as readonly { id: string }[] | undefined)?.find((item) => item.id === id)
      : type;
  const value = (owner as Record<string, unknown> | undefined)?.[method ?? member];
  if (typeof value !== 'function') throw new Error(`${member} is not a function`);
  return value.bind(owner) as (...args: unknown[]) => unknown;
};

process.on('message', async (call: EvaluatorCall) => {
  try {
    const type = await load(call.entry);
    const value = call.member === undefined ? describe(type) : await find(type, call.member)(...call.args);
    process.send?.({ id: call.id, value: value ?? null } satisfies EvaluatorAnswer);
  } catch (error) {
    process.send?.({
      id: call.id,
      error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    } satisfies EvaluatorAnswer);
  }
});
process.on('disconnect', () => process.exit(0));
