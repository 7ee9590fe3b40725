/**
 * Hives and agents that lie. Whatever one machine says, the others stay listed correctly and keep answering, the queen
 * stays within its memory and disk budget, and nothing outside its home is touched.
 *
 * By default a sixth of the lies is told, at full scale all of them. `RBEE_LIES=PATTERN` tells only the lies whose
 * names match, one at a time.
 */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { OperationName } from '../../core/contract/api/operations.ts';
import { openStream } from '../../core/queen/client/http.ts';
import { createLyingFleet, goodHive, goodWorker, type LyingFleet } from '../harness/liars.ts';
import { type AgentLie, agentLies } from '../harness/lies/agent-lies.ts';
import { hiveLies } from '../harness/lies/hive-lies.ts';
import type { About, Act, Anything, HiveLie } from '../harness/lies/lie.ts';
import { cannot } from '../harness/machines.ts';
import { scaled, until } from '../harness/until.ts';

const skip = cannot('network');

const mebibyte = 2 ** 20;
/** How much all lies together may cost the queen. */
const budget = { memory: 200 * mebibyte, disk: 64 * mebibyte };

const pattern = process.env['RBEE_LIES'] === undefined ? undefined : new RegExp(process.env['RBEE_LIES']);
/** Every nth lie is told, not counting those marked `more`. */
const everyNth = scaled(1, 6);
const choose = <Lie extends { name: string; more?: true }>(lies: readonly Lie[]): Lie[] =>
  pattern
    ? lies.filter(({ name }) => pattern.test(name))
    : lies.filter(({ more }) => everyNth === 1 || !more).filter((_, nth) => nth % everyNth === 0);
const together = pattern ? 1 : 8;

const chosenHiveLies = choose(hiveLies);
const chosenAgentLies = choose(agentLies);
/** With fewer, whole kinds of lies would be missing. */
const minLies = 80;

/** Groups of lies that are told at the same time. A heavy lie is told alone. */
const batches = <Lie extends { heavy?: true }>(lies: readonly Lie[], size: number): Lie[][] => {
  const light = lies.filter(({ heavy }) => !heavy);
  const groups = Array.from({ length: Math.ceil(light.length / size) }, (_, nth) =>
    light.slice(nth * size, (nth + 1) * size),
  );
  return [...groups, ...lies.filter(({ heavy }) => heavy).map((lie) => [lie])];
};

interface Shown {
  alias: string;
  status: string;
  reason: string | null;
}

let lying: LyingFleet;
let canary: string[];
let baseline: { memory: number; disk: number; baits: number };
/** Peak memory since it was last reset. */
let peak = 0;
let watching: NodeJS.Timeout;

/**
 * Hives that take turns lying. A hive must be online again before its next lie, and its queen backs off longer after
 * each lie, so fewer hives would mean longer waits.
 */
const inTurn = Math.ceil((chosenHiveLies.length + chosenAgentLies.length) / 4);
const once = [...chosenHiveLies, ...chosenAgentLies].filter((lie) => 'once' in lie);
const takers = [...chosenHiveLies, ...chosenAgentLies].filter((lie) => !('once' in lie));
const turns = Math.min(Math.max(inTurn, 2 * together), takers.length);

/** Without a lie: the last hive, reserved for tests of more than one step. */
const hiveOf = (lie: HiveLie | AgentLie | null): LyingFleet['liars'][number] => {
  if (lie === null) return lying.liars.at(-1)!;
  return lying.liars['once' in lie ? turns + once.indexOf(lie) : takers.indexOf(lie) % turns]!;
};

const shown = async (): Promise<{ hives: Shown[]; workers: Anything[] }> => lying.queen.get('/v1/status');
const statusOf = async (alias: string): Promise<Shown> => lying.queen.get(`/v1/hives/${alias}`);

const control = /(?![\t\n])\p{Cc}|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const broken = /INTERNAL|TypeError|RangeError|Cannot read|is not a function|is not iterable|undefined|\[object /;

/** What in a text should never reach a user. */
const ugly = (what: string, text: string): string[] => [
  ...(control.test(text) ? [`${what} has control characters: ${JSON.stringify(text.slice(0, 500))}`] : []),
  ...(broken.test(text) ? [`${what} shows an internal error: ${JSON.stringify(text.slice(0, 500))}`] : []),
];

const ask = async (model: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(`${lying.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 1, messages: [{ role: 'user', content: 'hello' }] }),
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, text: await response.text() };
};

interface Ended {
  how: 'result' | 'error' | 'cancelled' | 'never';
  code?: string;
  text: string;
  kinds: Set<string>;
}

/** Runs an operation to its end, or cancels it after `cancelMs`. */
const run = async (operation: string, input: object, cancelMs: number): Promise<Ended> => {
  const kinds = new Set<string>();
  const onEvent = ({ kind }: { kind: string }): void => void kinds.add(kind);
  const cancel = AbortSignal.timeout(cancelMs);
  const job = lying.queen.runOperation(operation as OperationName, input as never, { signal: cancel, onEvent }).then(
    (result: Anything): Ended => {
      const failed = faultIn(operation, result);
      const text = JSON.stringify(result) ?? 'undefined';
      return failed ? { how: 'error', code: failed, text, kinds } : { how: 'result', text, kinds };
    },
    (error: Anything): Ended => {
      const text = `${error.code}: ${error.message} ${(error.lines ?? []).join(' ')}`.slice(0, 2_000);
      return { how: cancel.aborted ? 'cancelled' : 'error', code: String(error.code), text, kinds };
    },
  );
  const late = new Promise<Ended>((resolve) => {
    const timer = setTimeout(() => resolve({ how: 'never', text: '', kinds }), cancelMs + 10_000);
    job.finally(() => clearTimeout(timer));
  });
  return Promise.race([job, late]);
};

/** The error code of an operation that reports errors in its result, if it has one. */
const faultIn = (operation: string, result: Anything): string | undefined => {
  if (operation === 'hive_ssh_test') return result.checks.find(({ error }: Anything) => error !== null)?.error.code;
  if (operation !== 'package_sync') return undefined;
  const steps = result.report.hives.flatMap((hive: Anything) => [hive, ...hive.steps]);
  return steps.find(({ error }: Anything) => error)?.error.code;
};

const problemsOfRun = (what: string, ended: Ended, ends: string): string[] => {
  const said = ended.text.slice(0, 300);
  if (ended.how === 'never') return [`${what} did not end when it was cancelled`];
  if (ended.code === 'INTERNAL') return [`${what} ended with an internal error: ${said}`];
  if (ended.how === 'cancelled') return ends === 'stopped' ? [] : [`${what} did not end until it was cancelled`];
  if (ends === 'error' && ended.how !== 'error') return [`${what} should have failed, and gave ${said}`];
  if (ends === 'result' && ended.how !== 'result') return [`${what} should have worked: ${said}`];
  return [];
};

const patienceMs = 15_000;
const stopAfterMs = 1_500;

const problemsOf = async (act: Act, withinMs: number): Promise<string[]> => {
  if ('chat' in act) {
    const { status, text } = await ask(act.chat);
    return [
      ...(status === 200 && text.includes('trapped') ? [`a prompt for ${act.chat} went into the trap`] : []),
      ...(status === 500 ? [`a prompt for ${act.chat} was answered ${text.slice(0, 300)}`] : []),
    ];
  }
  if ('cli' in act) {
    const { code, stdout, stderr } = await lying.fleet.home.rbee(act.cli);
    const what = `rbee ${act.cli.join(' ')}`;
    return [...(code === null ? [`${what} was killed`] : []), ...ugly(what, stdout + stderr)];
  }
  if ('get' in act) {
    const ended = await read(act.get, withinMs);
    return problemsOfRun(`GET ${act.get}`, ended, act.ends);
  }
  const ended = await run(act.run, act.input, act.ends === 'stopped' ? stopAfterMs : withinMs);
  const forbidden = (act.never ?? []).filter((kind) => ended.kinds.has(kind));
  return [
    ...problemsOfRun(act.run, ended, act.ends),
    ...forbidden.map((kind) => `${act.run} showed an event "${kind}" of the hive as one of the queen`),
  ];
};

/** How much of a stream is read. */
const maxReadBytes = 8 * mebibyte;

const read = async (path: string, withinMs: number): Promise<Ended> => {
  const kinds = new Set<string>();
  const signal = AbortSignal.timeout(withinMs);
  try {
    const answer = await openStream(lying.queen.address, { path, signal, timeoutMs: withinMs });
    let text = '';
    for await (const piece of answer) {
      text += piece;
      if (text.length > maxReadBytes) break;
    }
    return { how: 'result', text, kinds };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (signal.aborted || code === 'TIMEOUT') return { how: 'never', text: message, kinds };
    return { how: 'error', code: String(code), text: message, kinds };
  }
};

const statuses: Readonly<Record<HiveLie['shown'], readonly string[]>> = {
  faulty: ['faulty'],
  away: ['faulty', 'unreachable'],
  online: ['online'],
  either: [],
};

/** Waits until the queen has seen a lie, and returns what is not as expected. */
const meet = async (lie: HiveLie, begun: number): Promise<string[]> => {
  const { alias } = hiveOf(lie);
  const withinMs = (lie.within ?? 15) * 1_000;
  const wanted = statuses[lie.shown];
  const isMet = async (): Promise<boolean> => {
    if (lie.shown !== 'faulty' && lie.shown !== 'away')
      return lie.answers !== undefined || (await beats(alias)) > begun;
    return wanted.includes((await statusOf(alias)).status);
  };
  const problems: string[] = [];
  await until(isMet, { deadlineMs: withinMs }).catch(async () => {
    const { status, reason } = await statusOf(alias).catch((error) => ({ status: String(error), reason: null }));
    problems.push(`it should be ${wanted.join(' or ') || 'asked'}, and is ${status} (${brief(reason)})`);
  });
  for (const act of lie.acts?.(about(lie)) ?? []) problems.push(...(await problemsOf(act, withinMs)));
  const { status, reason } = await statusOf(alias);
  if (lie.shown === 'online' && status !== 'online')
    problems.push(`it should be online, and is ${status} (${brief(reason)})`);
  if (status === 'faulty' && !(lie.reason ?? /./).test(reason ?? ''))
    problems.push(`its reason should name ${lie.reason}, and is ${brief(reason)}`);
  const size = JSON.stringify(await statusOf(alias)).length;
  if (size > 100_000) problems.push(`its view has ${size} characters`);
  if (status !== 'online') {
    problems.push(...ugly('its reason', reason ?? ''));
    if ((reason ?? '').length > 1_000) problems.push(`its reason has ${reason?.length} characters`);
  }
  return problems;
};

const about = (lie: HiveLie): About => ({ ...hiveOf(lie), port: 0, truth: null });
const brief = (text: string | null): string => JSON.stringify(text?.slice(0, 300) ?? null);
const beats = async (alias: string): Promise<number> =>
  (await lying.heard()).requests[alias]!.filter((one) => one.endsWith('/v1/heartbeats')).length;

const commands = [['status'], ['hive', 'list'], ['worker', 'list'], ['hive', 'list', '--json'], ['status', '--json']];
let nextCommand = 0;

/** What is wrong with the queen and with the machines that do not lie. */
const problemsOfOthers = (): Promise<string[]> =>
  lookAtOthers().catch((error) => [`the fleet could not be asked: ${error.code} ${error.message}`]);

const lookAtOthers = async (): Promise<string[]> => {
  const problems: string[] = [];
  const add = (...more: string[]): void => void problems.push(...more);
  const { hives, workers } = await shown();
  for (const alias of ['local', goodHive]) {
    const hive = hives.find((one) => one.alias === alias);
    if (hive?.status !== 'online') add(`hive ${alias} is ${hive?.status} (${hive?.reason})`);
  }
  const its = workers.filter(({ hive }) => hive === goodHive).map(({ id, state }) => `${id} ${state}`);
  if (its.join() !== `${goodWorker.id} ready`) add(`hive ${goodHive} is shown with ${its.join(', ') || 'no workers'}`);
  const answer = await ask(goodWorker.name).catch((error) => ({ status: 0, text: String(error) }));
  if (answer.status !== 200) add(`the honest machine answered ${answer.status} ${answer.text.slice(0, 300)}`);
  if (answer.text.includes('trapped')) add('the trap answered for the honest machine');
  const command = commands[nextCommand++ % commands.length]!;
  const { code, stdout, stderr } = await lying.fleet.home.rbee(command);
  if (code !== 0 || !stdout.includes(goodHive))
    add(`rbee ${command.join(' ')} ended with ${code}: ${stderr.slice(0, 300)}`);
  add(...(command.includes('--json') ? [] : ugly(`rbee ${command.join(' ')}`, stdout + stderr)));
  const grown = peak - baseline.memory;
  if (grown > budget.memory) add(`the queen took ${Math.round(grown / mebibyte)} MiB more memory`);
  peak = lying.memory();
  const more = lying.disk() - baseline.disk;
  if (more > budget.disk) add(`its state takes ${Math.round(more / mebibyte)} MiB more disk`);
  const now = lying.canary();
  add(...now.filter((line) => !canary.includes(line)).map((line) => `outside the home: ${line}`));
  add(...canary.filter((line) => !now.includes(line)).map((line) => `gone from outside the home: ${line}`));
  const { baits, trapped } = await lying.heard();
  if (baits > baseline.baits) add(`ports that are no worker's were called`);
  if (trapped.some((one) => one.includes(lying.goodKey)))
    add('the key of the honest worker was sent to the lying machine');
  return problems;
};

/** Tells a batch of lies at the same time, and gives each its own test. */
const tellBatch = async (t: TestContext, lies: readonly HiveLie[]): Promise<void> => {
  const told = Object.fromEntries(lies.map((lie) => [hiveOf(lie).alias, lie.name]));
  const back = await Promise.all(Object.keys(told).map((alias) => isBack(alias)));
  for (const [alias, name] of Object.entries(told)) lastLies.set(alias, name);
  const begun = await Promise.all(lies.map((lie) => beats(hiveOf(lie).alias)));
  await lying.tell(told);
  const each = await Promise.all(lies.map((lie, nth) => meet(lie, begun[nth]!).catch((error) => [String(error)])));
  const others = await problemsOfOthers();
  await lying.tell(Object.fromEntries(Object.keys(told).map((alias) => [alias, null])));
  if (others.length > 0 || back.flat().length > 0) await startOver();
  for (const [nth, { name }] of lies.entries())
    await t.test(name, () => assert.deepEqual([...back[nth]!, ...each[nth]!], [], `the queen met the lie: ${name}`));
  await t.test(meanwhile(lies), () => assert.deepEqual(others, []));
};

/** Problems of hives that did not come back, recorded before the queen is replaced. */
const notBack: string[] = [];
const lastLies = new Map<string, string>();

/** Waits until a hive that lied is online again. */
const isBack = async (alias: string, deadlineMs = 60_000): Promise<string[]> => {
  const before = lastLies.get(alias);
  const isOnline = async (): Promise<boolean> => (await statusOf(alias)).status === 'online';
  return until(isOnline, { deadlineMs }).then(
    () => [],
    async () => [
      `it should be back after the lie "${before}", but is ${JSON.stringify(await statusOf(alias).catch(String))}`,
    ],
  );
};

/** Replaces the queen, so that what one lie broke does not fail the next ones. */
const startOver = async (): Promise<void> => {
  const canBeAsked = (await statusOf(goodHive).catch(() => null)) !== null;
  if (canBeAsked)
    notBack.push(...(await Promise.all([...lastLies.keys()].map((alias) => isBack(alias, 20_000)))).flat());
  await lying.restart();
  canary = lying.layCanary();
  await until(async () => (await problemsOfOthers()).length === 0, { deadlineMs: 20_000 }).catch(() => {});
  await remember();
};

const remember = async (): Promise<void> => {
  baseline = { memory: lying.memory(), disk: lying.disk(), baits: (await lying.heard()).baits };
  peak = baseline.memory;
};

const meanwhile = (lies: readonly { name: string }[]): string =>
  `the rest of the fleet, meanwhile: ${lies.map(({ name }) => name).join('; ')}`;

const titleOf = (kind: string, lies: readonly { name: string }[]): string =>
  lies.length === 1 ? `${kind}: ${lies[0]!.name}` : `${kind}: ${lies.length} at once, from "${lies[0]!.name}"`;

describe('a machine that lies', { skip }, () => {
  before(async () => {
    lying = await createLyingFleet(turns + once.length + 1);
    await until(async () => (await shown()).hives.every(({ status }) => status === 'online'), {
      deadlineMs: 60_000,
      what: 'the whole fleet online',
    });
    canary = lying.canary();
    await remember();
    watching = setInterval(() => {
      peak = Math.max(peak, lying.memory());
    }, 50);
  });
  after(async () => {
    clearInterval(watching);
    await lying?.close();
  });

  test('the whole fleet is fine before the first lie', async () => {
    if (!pattern) assert.ok(chosenHiveLies.length + chosenAgentLies.length >= minLies);
    assert.deepEqual(await problemsOfOthers(), []);
    for (const { alias, model } of lying.liars.slice(0, 3)) {
      assert.equal((await statusOf(alias)).status, 'online');
      assert.equal((await ask(model)).status, 200);
    }
  });

  for (const lies of batches(chosenHiveLies, together)) test(titleOf('a hive', lies), (t) => tellBatch(t, lies));

  test('every hive is back once it tells the truth', async () => {
    await lying.tell(Object.fromEntries(lying.liars.map(({ alias }) => [alias, null])));
    const away = async (): Promise<string[]> =>
      (await shown()).hives
        .filter(({ alias, status }) => alias.startsWith('liar-') && status !== 'online')
        .map(({ alias, status, reason }) => `${alias} is ${status} (${brief(reason)})`);
    await until(async () => (await away()).length === 0, { deadlineMs: 60_000 }).catch(() => {});
    assert.deepEqual(await away(), []);
    assert.deepEqual(notBack, []);
    assert.deepEqual(await problemsOfOthers(), []);
  });

  // The gateway once dialled the lying machine instead, and sent it the prompt and key of the honest worker.
  test('a worker that copies the id of an honest worker is treated as another worker', async () => {
    const liar = hiveOf(null);
    await lying.tell({ [liar.alias]: 'a worker with the id of the honest worker, in a trap' });
    const both = await until(async () => {
      const { workers } = await shown();
      const found = workers.filter(({ id }) => id === goodWorker.id);
      return found.some(({ hive }) => hive === liar.alias) && found;
    });
    assert.deepEqual(both.map(({ hive }) => hive).sort(), [goodHive, liar.alias]);
    for (let times = 0; times < 20; times += 1) {
      const { status, text } = await ask(goodWorker.name);
      assert.equal(status, 200, text);
      assert.ok(!text.includes('trapped'), text);
    }
    assert.deepEqual((await lying.heard()).trapped, []);
    const asItIs = await run('worker_stop', { worker: goodWorker.id, now: true }, patienceMs);
    assert.equal(asItIs.how, 'error', asItIs.text);
    const stopped = (await lying.heard()).requests[liar.alias]!.filter((one) => one.includes('/stop'));
    assert.deepEqual(stopped, []);
    assert.deepEqual(await problemsOfOthers(), []);
    const here = { worker: goodWorker.id, hive: goodHive };
    assert.equal((await run('worker_restart', { ...here, now: true }, patienceMs)).how, 'result');
    assert.deepEqual(await problemsOfOthers(), []);
    await lying.tell({ [liar.alias]: null });
  });

  test('a worker that copies id and name of an honest worker is sent only its own key', async () => {
    const liar = hiveOf(null);
    await lying.tell({ [liar.alias]: 'a worker with the id and name of the honest worker, in a trap' });
    await until(async () =>
      (await shown()).workers.some(({ id, hive }) => id === goodWorker.id && hive === liar.alias),
    );
    try {
      const trapped = await until(async () => {
        const answers = await Promise.all(Array.from({ length: 20 }, () => ask(goodWorker.name)));
        assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
        const heard = (await lying.heard()).trapped;
        return heard.length > 0 && heard;
      });
      assert.equal(trapped.filter((one) => one.includes(lying.goodKey)).length, 0);
      assert.ok(
        trapped.every((one) => one.includes('Bearer key-of-the-trap')),
        trapped.join('\n'),
      );
    } finally {
      await lying.tell({ [liar.alias]: null });
    }
  });

  for (const lies of batches(chosenAgentLies, together)) {
    test(titleOf('an agent', lies), async (t) => {
      const each = await tellAgents(lies);
      const others = await problemsOfOthers();
      if (others.length > 0) await startOver();
      for (const [nth, { name }] of lies.entries())
        await t.test(name, () => assert.deepEqual(each[nth], [], `the queen met the lie: ${name}`));
      await t.test(meanwhile(lies), () => assert.deepEqual(others, []));
    });
  }

  test("nothing of the queen's was uploaded to the lying machine", async () => {
    const { secret } = lying.liars[0]!;
    const found = await lying.evil.run(`grep -rlF ${JSON.stringify(secret)} . --exclude=setup.json || true`);
    assert.equal(found.stdout, '');
  });
});

/** Starts the agents one at a time, each with its lie, and then waits for all of them. */
const tellAgents = async (lies: readonly AgentLie[]): Promise<string[][]> => {
  const asked: Promise<string[]>[] = [];
  for (const lie of lies) {
    if (lie.alone) await Promise.all(asked);
    lying.tellAgents(lie.name);
    const { alias: hive } = hiveOf(lie);
    const input = lie.run === 'package_sync' ? { hives: [hive], force: true, yes: true } : { hive };
    const ended = run(lie.run, input, lie.ends === 'stopped' ? stopAfterMs * 2 : 30_000);
    asked.push(ended.then((one) => problemsOfRun(lie.run, one, lie.ends)));
    const isTaken = until(() => lying.isTaken(), { what: `an agent that says: ${lie.name}` });
    await Promise.race([isTaken, ended]);
    if (lie.alone) await ended;
    lying.tellAgents(null);
  }
  const problems = await Promise.all(asked);
  lying.endAgents();
  return problems;
};
