/** A machine's cable is pulled: what users see, what requests get, and how the machine comes back without help. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet } from '../harness/fleet.ts';
import { goesOn, type LivingFleet, living } from '../harness/living.ts';
import { cannot } from '../harness/machines.ts';
import { firstGap, type StreamReader } from '../harness/streams.ts';

const skip = cannot('network');
let fleet: TestFleet;
let live: LivingFleet;
const streams: StreamReader[] = [];

const conf = ['pi', 'box']
  .map(
    (alias) => `
[[hive]]
alias = "${alias}"
run = [
  { type = "ticker", name = "tick", id = "tick-${alias}" },
  { type = "ticker", name = "only-${alias}", id = "only-${alias}" },
]
`,
  )
  .join('');

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi', 'box'] });
  live = living(fleet);
  fleet.declare(conf);
  await fleet.home.json(['sync']);
});
after(async () => {
  for (const stream of streams) stream.close();
  await fleet?.close();
});

const stream = async (model: string, tokens?: number): Promise<StreamReader> => {
  const reader = await live.stream(model, tokens);
  streams.push(reader);
  await goesOn(reader);
  return reader;
};

test('a machine whose cable is pulled is shown as unreachable with since when and why, and its workers as lost', {
  skip,
}, async (t) => {
  const pi = fleet.machines.host('pi');
  const before = await live.processes();
  const [here, there] = await Promise.all([stream('only-pi'), stream('only-box')]);
  const pulled = Date.now();
  await pi.linkDown();
  // Sent before the queen knows: one of them hits the dead link and is answered by the other replica.
  const blind = Promise.all(Array.from({ length: 4 }, () => live.ask('tick')));
  const shown = await live.becomes('pi', 'unreachable');
  t.diagnostic(`known after ${Date.now() - pulled} ms`);
  assert.ok(Date.parse(shown.since) >= pulled - 1_000, shown.since);
  assert.ok(shown.reason, 'no reason');
  assert.equal((await live.worker('only-pi'))?.state, 'lost');
  assert.equal((await live.worker('only-box'))?.state, 'ready');
  for (const { status, text } of await blind) assert.equal(status, 200, text);
  t.diagnostic(`requests answered elsewhere after ${Date.now() - pulled} ms`);
  for (let nth = 0; nth < 8; nth++) assert.equal((await live.ask('tick')).status, 200);
  const refused = await live.ask('only-pi');
  assert.equal(refused.status, 503);
  assert.match(refused.text, /only-pi.*lost/s);
  await goesOn(there);

  // Within the keepalive nothing is lost, only late.
  const up = Date.now();
  await pi.linkUp();
  await live.becomes('pi', 'online');
  t.diagnostic(`back ${Date.now() - up} ms after the link`);
  await goesOn(here);
  assert.equal(firstGap(here.numbers), -1);
  assert.equal(firstGap(there.numbers), -1);
  assert.deepEqual(await live.processes(), before);
  here.close();
  there.close();
});
