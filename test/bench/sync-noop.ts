/** A sync of ten machines that finds nothing to do, compared with Ansible finding the same files in place. */
import { ansibleCheck } from './harness/ansible.ts';
import { type Bench, row } from './harness/bench.ts';
import { currentOf, startFleet } from './harness/machines.ts';
import { interleave } from './harness/samples.ts';

const hosts = 10;

export const syncNoop: Bench = async ({ rounds, cleanup }) => {
  const { machines, sync } = await startFleet(cleanup, { hosts });
  await sync('something');
  // Its rbee, its worker, and whether the worker runs: far less than a sync checks.
  const data = '.local/share/rbee';
  const home = machines.hosts[0]!.home;
  const files = [currentOf(home), `${home}/${data}/workers`, `${home}/.local/state/rbee`];
  const check = ansibleCheck(cleanup, machines, files);
  const taken = await interleave(rounds, { rbee: () => sync('nothing'), ansible: check });
  return [
    row({
      what: `sync of ${hosts} hosts, nothing to do`,
      unit: 'ms',
      value: taken.rbee,
      baseline: { name: 'ansible', value: taken.ansible },
      aim: { of: 'ratio', atMost: 0.1 },
    }),
  ];
};
