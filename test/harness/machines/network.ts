/**
 * Bridges and cables between hosts. The test is on the bridge of the directly reachable hosts. Each jump host has a
 * bridge for the hosts behind it and forwards no packets, so they are reached only through its sshd.
 */
import type { Namespace } from './namespace.ts';
import { mustRun } from './program.ts';
import { bridgeOf } from './slot.ts';

export interface Place {
  /** Which end of the cable is near: that of a jump host, or the test's. */
  near: Namespace | null;
  bridge: string;
  /** The interface at the near end of the cable. */
  port: string;
  address: string;
  address6: string;
  /** Addresses with prefix length, as `ip` takes them. */
  networks: readonly string[];
}

export interface Segment {
  near: Namespace | null;
  bridge: string;
  networks: readonly string[];
  place(): Place;
}

/** The test's own segment is `nth` 0; those of jump hosts follow. */
export const segment = (slot: number, nth: number, near: Namespace | null): Segment => {
  if (nth > 8) throw new Error('there is room for eight jump hosts');
  const bridge = near ? 'inner' : bridgeOf(slot);
  // The test's own network includes the address ranges behind jump hosts. A direct connection to such a host then gets
  // no answer, instead of going out to the internet.
  const [own, first, length] = near ? [112 + 16 * nth + 1, 112 + 16 * nth + 2, 28] : [1, 10, 25];
  const last = near ? first + 12 : 126;
  const prefix6 = `fd13:d5:${slot.toString(16)}:${nth + 1}`;
  let next = first;
  const place = (): Place => {
    if (next > last) throw new Error('there is no room for another host here');
    const host = next++;
    const address = `10.213.${slot}.${host}`;
    const address6 = `${prefix6}::${host.toString(16)}`;
    const networks = [`${address}/${length}`, `${address6}/64`];
    return { near, bridge, port: `${bridge}-${host}`, address, address6, networks };
  };
  return { near, bridge, networks: [`10.213.${slot}.${own}/${near ? length : 24}`, `${prefix6}::1/64`], place };
};

export const layBridge = async ({ near, bridge, networks }: Segment): Promise<void> => {
  await ip(near, [`link add name ${bridge} type bridge`, ...addresses(networks, bridge), `link set ${bridge} up`]);
};

export const layCable = async (place: Place, host: Namespace): Promise<void> => {
  const { near, bridge, port, networks } = place;
  await ip(near, [
    `link add ${port} type veth peer name eth0 netns ${host.pid}`,
    `link set ${port} master ${bridge}`,
    `link set ${port} up`,
  ]);
  await ip(host, ['link set lo up', ...addresses(networks, 'eth0'), 'link set eth0 up']);
};

export const setPort = ({ near, port }: Place, state: 'up' | 'down'): Promise<void> =>
  ip(near, [`link set ${port} ${state}`]);

const addresses = (networks: readonly string[], device: string): string[] =>
  networks.map((network) => `addr add ${network} dev ${device}${network.includes(':') ? ' nodad' : ''}`);

/** Runs lines of `ip`, here or in the network of a host. */
export const ip = async (where: Namespace | null, lines: readonly string[]): Promise<void> => {
  await mustRun([...(where?.enterNetwork ?? []), 'ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
};
