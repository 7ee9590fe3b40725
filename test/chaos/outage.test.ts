/**
 * A machine's link is down for ten minutes, at full scale only: what the queen reports, what requests and a sync get,
 * what waiting costs the queen, and how everything comes back without help. All tests share one outage.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createFleet, type TestFleet } from '../harness/fleet.ts';
import type { Run } from '../harness/home.ts';
import { endOf, goesOn, type LivingFleet, living, whole } from '../harness/living.ts';
import { cannot, type Host } from '../harness/machines.ts';
import { dialsTo, type ResourceUsage, resourceUsageOf } from '../harness/resource-usage.ts';
import type { StreamReader } from '../harness/streams.ts';
import { atFullScale, until } from '../harness/until.ts';

const skip = cannot('network') || atFullScale;
const outageMs = 600_000;
let fleet: TestFleet;
let live: LivingFleet;
let pi: Host;
let url: string;
let queen: number;
/** Worker processes before the link went down. */
let processes: string[];
let through: StreamReader;
let beside: StreamReader;
let pulled: number;
let syncing: Promise<Run>;
let settled: ResourceUsage;
/** Connection attempts to the machine by local port, and the most that were open at the same time. */
const dials = { all: new Set<string>(), maxAtOnce: 0 };
let watching: NodeJS.Timeout | undefined;

const conf = (...ofBox: string[]): string => `
[[hive]]
alias = "pi"
run = [{ type = "ticker", name = "only-pi", id = "only-pi" }]

[[hive]]
alias = "box"
run = [${ofBox.map((id) => `{ type = "ticker", name = "${id}", id = "${id}" }`).join(', ')}]
`;

const resourceUsage = (): ResourceUsage => resourceUsageOf(queen, join(fleet.home.paths.logs, 'queen.log'));

/** A request like an application's, without help from an rbee command. */
const ask = async (model: string, signal?: AbortSignal): Promise<{ status: number; text: string }> => {
  const body = JSON.stringify({ model, max_tokens: 1, messages: [{ role: 'user', content: 'hello' }] });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body, signal });
  return { status: response.status, text: await response.text() };
};

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi', 'box'] });
  live = living(fleet);
  pi = fleet.machines.host('pi');
  fleet.declare(conf('only-box'));
  await fleet.home.json(['sync']);
  const shown = await fleet.home.json(['queen', 'status']);
  url = shown.url;
  queen = shown.pid;
  processes = await live.processes();
  through = await live.stream('only-pi');
  beside = await live.stream('only-box');
  await Promise.all([goesOn(through), goesOn(beside)]);
  watching = setInterval(() => {
    const now = dialsTo(pi.address);
    for (const port of now) dials.all.add(port);
    dials.maxAtOnce = Math.max(dials.maxAtOnce, now.length);
  }, 100);
  pulled = Date.now();
  await pi.linkDown();
});
after(async () => {
  clearInterval(watching);
  for (const stream of [through, beside]) stream?.close();
  await fleet?.close();
});

test('the machine is unreachable with since when and why, its workers are lost', { skip }, async () => {
  const shown = await live.becomes('pi', 'unreachable');
  // It takes a while; its result is checked below.
  fleet.declare(conf('only-box', 'more-box'));
  syncing = fleet.home.rbee(['sync']);
  assert.ok(Date.parse(shown.since) >= pulled - 1_000, shown.since);
  assert.ok(shown.reason, 'no reason');
  assert.equal((await live.worker('only-pi'))?.state, 'lost');
  assert.equal((await live.worker('only-box'))?.state, 'ready');
});

test('a stream through the link ends with an error that says so', { skip }, async () => {
  const end = await endOf(through);
  assert.notEqual(end, whole);
  assert.match(end, /worker_connection_lost/);
});

test('requests for its workers are refused at once, without waiting for the machine', { skip }, async () => {
  // Far less than a connection attempt takes to time out.
  for (let nth = 0; nth < 20; nth++) {
    const { status, text } = await ask('only-pi', AbortSignal.timeout(5_000));
    assert.equal(status, 503, text);
    assert.match(text, /only-pi.*lost/s);
  }
});

test('a sync fails for that machine alone', { skip }, async () => {
  const run = await syncing;
  assert.equal(run.code, 3, run.stdout + run.stderr);
  assert.match(run.stdout, /^box +done +1 done/m);
  assert.match(run.stdout, /✖ .*(cannot reach hive pi|lost the SSH connection to hive pi)/);
  await live.ready('more-box');
});

test('while waiting, the queen does not grow and retries only now and then', { skip }, async (t) => {
  settled = resourceUsage();
  const settledAt = Date.now();
  while (Date.now() < pulled + outageMs) {
    await delay(Math.min(5_000, Math.max(0, pulled + outageMs - Date.now())));
    const { status, text } = await ask('only-pi', AbortSignal.timeout(5_000));
    assert.equal(status, 503, text);
  }
  const end = resourceUsage();
  t.diagnostic(JSON.stringify({ settled, end, attempts: dials.all.size, atOnce: dials.maxAtOnce }));
  assert.ok(end.memory - settled.memory < 64 * 2 ** 20, `memory grew by ${end.memory - settled.memory} bytes`);
  assert.ok(end.sockets <= settled.sockets + 4, `${settled.sockets} sockets became ${end.sockets}`);
  assert.ok(end.files <= settled.files + 4, `${settled.files} open files became ${end.files}`);
  // At most a few lines a minute.
  const minutes = (Date.now() - settledAt) / 60_000 + 1;
  assert.ok(end.log - settled.log < minutes * 2_000, `the log grew by ${end.log - settled.log} bytes`);
  assert.ok(dials.all.size > 0, 'it was not tried again');
  assert.ok(dials.all.size <= ((Date.now() - pulled) / 60_000 + 1) * 60, `${dials.all.size} attempts`);
  assert.ok(dials.maxAtOnce <= 2, `${dials.maxAtOnce} attempts at a time`);
  const shown = await live.hive('pi');
  assert.equal(shown.status, 'unreachable');
  assert.ok(Date.parse(shown.since) < pulled + 60_000, `since ${shown.since}`);
  // By now the reason is more specific than a missing heartbeat.
  assert.match(shown.reason ?? '', /cannot reach|connection/);
  await goesOn(beside);
});

test('the machine comes back with the link, running the same processes', { skip }, async (t) => {
  clearInterval(watching);
  const up = Date.now();
  await pi.linkUp();
  await until(async () => (await ask('only-pi')).status === 200, { what: 'an answer of pi', deadlineMs: 60_000 });
  t.diagnostic(`answers ${Date.now() - up} ms after the link`);
  await live.becomes('pi', 'online');
  const now = await live.processes();
  assert.deepEqual(
    now.filter((line) => !line.includes('more-box')),
    processes,
  );
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /nothing to do/);
});
