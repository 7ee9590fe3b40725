/** Many machines from one file, as a user syncs them: the real command, real sshd, machines that have nothing but that. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet } from '../harness/fleet.ts';
import { cannot } from '../harness/machines.ts';

const skip = cannot('network');
let fleet: TestFleet;

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi', { name: 'box', home: '/home/an n' }, { name: 'lab', behind: 'pi' }] });
  fleet.declare(conf());
});
after(() => fleet?.close());

const conf = (more = '') => `
[[hive]]
alias = "pi"
workers = [{ type = "ticker", version = "*" }]
run = [{ type = "ticker", name = "tick", id = "tick-pi" }]

[[hive]]
alias = "box"
run = [{ type = "ticker", name = "tick", id = "tick-box" }]

[[hive]]
alias = "lab"
run = [{ type = "ticker", name = "far", id = "far" }]
${more}`;

test('bare machines become hives with their workers in one sync', { skip }, async () => {
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const { workers } = await fleet.home.json(['worker', 'list']);
  assert.deepEqual(workers.map(({ id, state, hive }: Record<string, string>) => [id, hive, state]).sort(), [
    ['far', 'lab', 'ready'],
    ['tick-box', 'box', 'ready'],
    ['tick-pi', 'pi', 'ready'],
  ]);
});
