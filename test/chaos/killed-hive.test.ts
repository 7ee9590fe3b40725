/** Changes requested right after the hive was killed, while the queen restarts it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { createHome, killAndWait, type TestHome } from '../harness/home.ts';

let home: TestHome;
before(() => {
  home = createHome({ queen: 'mode = "standalone"\n' });
});
after(() => home.close());

const spawn = (id: string) =>
  home.json(['worker', 'spawn', '--type', 'fake', '--device', 'cpu', '--name', id, '--id', id]);

// These were refused with "it is not running" while the list still showed the hive as online. Only a spawn waited.
test('a worker can be deleted, stopped, restarted and started right after its hive was killed', async () => {
  const ids = ['gone', 'halted', 'again', 'awake'];
  await Promise.all(ids.map(spawn));
  await home.json(['worker', 'stop', 'awake', '--now']);
  await killAndWait(Number(readFileSync(home.paths.hivePid, 'utf8')));
  const runs = await Promise.all([
    home.rbee(['worker', 'delete', 'gone', '--now']),
    home.rbee(['worker', 'stop', 'halted', '--now']),
    home.rbee(['worker', 'restart', 'again', '--now']),
    home.rbee(['worker', 'start', 'awake']),
  ]);
  for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
  const { workers } = await home.json(['worker', 'list']);
  const states = workers.map(({ id, state }: { id: string; state: string }) => `${id} ${state}`);
  assert.deepEqual(states.sort(), ['again ready', 'awake ready', 'halted stopped']);
});
