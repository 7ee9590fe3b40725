/**
 * Engines that outlive their records: lost and garbled records, and children that leave their engine's process group.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createHome, type TestHome } from '../harness/home.ts';
import { until } from '../harness/until.ts';

interface Found {
  name: string;
  status: string;
  text: string;
  hint?: string;
}

const spawnFake = (id: string, flags: readonly string[] = []) => [
  ...['worker', 'spawn', '--type', 'fake', '--device', 'cpu', '--name', id, '--id', id],
  ...['--option', `args=${JSON.stringify(flags)}`],
];
const engineChecks = async (home: TestHome): Promise<Found[]> =>
  ((await home.json(['doctor'])).checks as Found[]).filter(({ name }) => /engine|run record/.test(name));

describe('an engine whose run record is garbled', () => {
  const home = createHome();
  after(() => home.close());

  test('is reported by the hive, listed by the doctor with and without a queen, and ended by doctor --fix', async () => {
    const { pid } = await home.json(spawnFake('kept'));
    const whole = await home.json(spawnFake('whole'));
    assert.deepEqual(
      (await engineChecks(home)).map(({ status }) => status),
      ['ok'],
    );
    await home.json(['queen', 'stop']);
    writeFileSync(join(home.paths.runs, 'kept.json'), readFileSync(join(home.paths.runs, 'kept.json')).subarray(0, 99));
    const expectListed = async () => {
      const [engine, record] = await engineChecks(home);
      assert.match(
        engine?.text ?? '',
        new RegExp(`^pid ${pid} has run for .* without an owner: .*engine.js.*worker kept`),
      );
      assert.match(engine?.hint ?? '', /rbee doctor --fix/);
      assert.match(record?.text ?? '', /the run record of worker kept cannot be read: .*kept\.json/);
    };
    await expectListed();
    const { workers } = await home.json(['worker', 'list']);
    assert.deepEqual(
      workers.map(({ id, pid: its }: { id: string; pid: number }) => [id, its]),
      [['whole', whole.pid]],
    );
    await expectListed();
    assert.match(
      (await home.rbee(['queen', 'logs'])).stdout,
      /an engine of worker kept runs \(pid \d+\) and no record/,
    );
    const piped = await home.rbee(['doctor', '--fix', '--json']);
    assert.equal(JSON.parse(piped.stdout).error.code, 'USAGE', 'there is no terminal for a question');
    assert.ok(existsSync(`/proc/${pid}`));
    const { fixed } = await home.json(['doctor', '--fix', '--yes']);
    assert.deepEqual(fixed.runs[0].pids, [pid]);
    await until(() => !existsSync(`/proc/${pid}`));
    assert.deepEqual(readdirSync(home.paths.runs), ['whole.json']);
    assert.deepEqual(
      (await engineChecks(home)).map(({ status }) => status),
      ['ok'],
    );
    assert.ok(existsSync(`/proc/${whole.pid}`));
    await home.json(spawnFake('kept'));
  });
});

describe('children that leave the process group of their engine', () => {
  const home = createHome();
  after(() => home.close());

  // Each crash left one more behind, and a deletion left all of them.
  test('end with it, at each crash and with worker delete --now', async () => {
    const { pid, logFile } = await home.json(spawnFake('forks', ['--fork-away', '--exit-code', '3']));
    const away = () => [...readFileSync(logFile, 'utf8').matchAll(/away pid (\d+)/g)].map((match) => Number(match[1]));
    await until(() => away().length === 1);
    process.kill(pid, 'SIGUSR2');
    const again = await until(async () => {
      const worker = await home.json(['worker', 'get', 'forks']);
      return worker.state === 'ready' && worker.pid !== pid && worker;
    });
    assert.deepEqual([again.restarts, again.kills], [1, 0]);
    const [first, second] = await until(() => away().length === 2 && away());
    assert.ok(!home.processes().includes(first ?? 0));
    assert.ok(home.processes().includes(second ?? 0));
    await home.json(['worker', 'delete', 'forks', '--now']);
    assert.ok(!home.processes().includes(second ?? 0));
  });
});
