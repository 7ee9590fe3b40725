/**
 * Machines over SSH for tests: real sshd hosts, each a network namespace with processes, home and disk of its own, or,
 * where namespaces cannot be made, an sshd on a port of loopback that can do less: `skip: cannot('network')`.
 *
 *     const machines = await createMachines({ hosts: ['pi', 'box', { name: 'lab', behind: 'pi' }] });
 *     await machines.client.ssh(['lab', 'uname']);
 *     await machines.host('box').linkDown();
 *     await machines.close();
 */
import { withoutNamespaces } from './machines/cannot.ts';
import { createClient, createKeys, type Reached } from './machines/client.ts';
import { createHost, type NamespaceHost } from './machines/host.ts';
import { createLoopbackHost } from './machines/loopback.ts';
import { layBridge, type Place, type Segment, segment } from './machines/network.ts';
import { claimSlot, type Slot } from './machines/slot.ts';
import type { Client, HostOptions, Machines } from './machines/types.ts';

export { cannot } from './machines/cannot.ts';
export type { Ability, Agent, Client, Host, HostOptions, HostProcess, Machines, Shell } from './machines/types.ts';

export interface MachinesOptions {
  /** How many hosts, or which ones; a bare name stands for a host with default options. */
  hosts: number | readonly (string | HostOptions)[];
  /** Defaults for all hosts. */
  each?: Omit<HostOptions, 'name' | 'behind'>;
  /** true: use loopback even where namespaces work. */
  loopback?: boolean;
}

export const createMachines = async ({ hosts, each = {}, loopback }: MachinesOptions): Promise<Machines> => {
  const wanted = named(hosts, each);
  const slot = await claimSlot();
  try {
    const keys = await createKeys(slot);
    const make = loopback || withoutNamespaces() ? onLoopback : inNamespaces;
    const reached = await make(slot, wanted, keys);
    const made = reached.map(({ host }) => host);
    const host: Machines['host'] = (name) => {
      const found = made.find((host) => host.name === name);
      if (!found) throw new Error(`there is no host ${name}`);
      return found;
    };
    return { hosts: made, host, client: createClient(slot, keys, reached), close: slot.release };
  } catch (error) {
    await slot.release();
    throw error;
  }
};

type Named = HostOptions & { name: string };
type Keys = Pick<Client, 'keys'>;

const named = (hosts: MachinesOptions['hosts'], each: HostOptions): Named[] => {
  const list = typeof hosts === 'number' ? Array.from({ length: hosts }, () => ({})) : hosts;
  const options = list.map((entry, nth) => ({
    name: `m${nth + 1}`,
    ...each,
    ...(typeof entry === 'string' ? { name: entry } : entry),
  }));
  for (const [nth, { name, behind }] of options.entries()) {
    if (behind && !options.slice(0, nth).some((other) => other.name === behind))
      throw new Error(`host ${name} is behind ${behind}, which is not among the hosts before it`);
  }
  return options;
};

const inNamespaces = async (slot: Slot, wanted: readonly Named[], keys: Keys): Promise<Reached[]> => {
  const outer = segment(slot.number, 0, null);
  await layBridge(outer);
  const made = new Map<string, Promise<NamespaceHost>>();
  const behind = new Map<string, Promise<Segment>>();
  const inner = async (jump: string, nth: number): Promise<Segment> => {
    const segmentBehind = segment(slot.number, nth, (await made.get(jump)!).namespace);
    await layBridge(segmentBehind);
    return segmentBehind;
  };
  for (const options of wanted) {
    const jump = options.behind;
    if (jump && !behind.has(jump)) behind.set(jump, inner(jump, behind.size + 1));
    const whereabouts: Promise<Place> = (jump ? behind.get(jump)! : Promise.resolve(outer)).then((where) =>
      where.place(),
    );
    made.set(options.name, createHost(slot, options, keys, whereabouts));
  }
  return settled([...made.values()]);
};

const onLoopback = (slot: Slot, wanted: readonly Named[], keys: Keys): Promise<Reached[]> =>
  settled(wanted.map((options) => createLoopbackHost(slot, options, keys)));

/** Waits for all to settle, so that cleanup does not race with a host that is still being made. */
const settled = async <Made>(making: readonly Promise<Made>[]): Promise<Made[]> => {
  await Promise.allSettled(making);
  return Promise.all(making);
};
