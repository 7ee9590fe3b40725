/** Lists 2,000 workers on 200 hives as a program does: one request over the socket, and the parsed answer. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectQueen } from '../../core/queen/client/index.ts';
import { type Bench, row } from './harness/bench.ts';
import { plainEnv } from './harness/programs.ts';
import { endRaw } from './harness/raw.ts';
import { percentile, samplesOf, timed } from './harness/samples.ts';

const requests = 100;

export const list: Bench = async ({ rounds, cleanup }) => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-bench-list-')));
  cleanup.defer(() => rmSync(home, { recursive: true, force: true }));
  const queen = fork(join(import.meta.dirname, 'list-queen.ts'), { env: plainEnv({ RBEE_HOME: home }) });
  cleanup.defer(() => endRaw([queen]));
  const [socketPath] = (await once(queen, 'message')) as [string];
  const client = connectQueen({ socketPath });

  const all: number[] = [];
  const perRound: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const times: number[] = [];
    for (let sent = 0; sent < requests; sent += 1) {
      let count = 0;
      times.push(
        await timed(async () => {
          count = (await client.get<{ workers: unknown[] }>('/v1/workers')).workers.length;
        }),
      );
      if (count !== 2000) throw new Error(`the queen lists ${count} workers`);
    }
    if (round === 0) continue;
    perRound.push(percentile(times, 0.95));
    all.push(...times);
  }
  return [
    row({
      what: 'list 2,000 workers of 200 hives, p95',
      unit: 'ms',
      value: samplesOf(perRound),
      aim: { of: 'value', atMost: 20 },
    }),
    row({ what: 'the same, one by one', unit: 'ms', value: samplesOf(all) }),
  ];
};
