/**
 * Simulated hives with real heartbeat streams: `argv[3]` of them, each a unix socket in the folder `argv[2]` with
 * `argv[4]` workers. Ten times a second the state of one of them changes. Sends `listening` on its channel.
 */
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Heartbeat, HiveState } from '../../core/contract/api/hive-api.ts';
import { tickMs } from '../../core/hive/state-feed.ts';
import { simulatedHive, workerWith } from '../../core/queen/testing.ts';

const [folder = '', hiveCount, workersEach] = process.argv.slice(2);
const newsEveryMs = 100;

interface Hive {
  state: HiveState;
  revision: number;
  readers: Set<ServerResponse>;
}

const line = (beat: Heartbeat): string => `${JSON.stringify(beat)}\n`;
const full = ({ revision, state }: Hive): string => line({ kind: 'state', revision, state });

const startHive = async (nth: number): Promise<Hive> => {
  const alias = `hive-${nth}`;
  const workers = Array.from({ length: Number(workersEach) }, (_, place) =>
    workerWith({ id: `fake-${nth}-${place}`, hive: alias, port: 20_000 + place }),
  );
  const hive: Hive = {
    state: await simulatedHive(alias, workers).client.state(),
    revision: 1,
    readers: new Set(),
  };
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.write(full(hive));
    hive.readers.add(response);
    const tick = setInterval(() => response.write(line({ kind: 'tick', revision: hive.revision })), tickMs);
    response.on('close', () => {
      clearInterval(tick);
      hive.readers.delete(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, `${alias}.sock`), resolve));
  return hive;
};

const hives = await Promise.all(Array.from({ length: Number(hiveCount) }, (_, nth) => startHive(nth)));
let turn = 0;
setInterval(() => {
  const hive = hives[turn % hives.length]!;
  const [worker] = hive.state.workers;
  if (worker) worker.running = turn;
  hive.revision += 1;
  for (const reader of hive.readers) reader.write(full(hive));
  turn += 1;
}, newsEveryMs);
process.once('disconnect', () => process.exit());
process.send?.('listening');
