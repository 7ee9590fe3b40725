/** Makes every online hive run at least one worker of a type: `node spread.js TYPE`. */
import { connectQueen, RbeeError } from '@rbee/core/client';

const [type = 'hello'] = process.argv.slice(2);
const queen = connectQueen();
try {
  const { hives } = await queen.get('/v1/hives');
  const { workers } = await queen.get('/v1/workers');
  for (const { alias } of hives.filter(({ status }) => status === 'online')) {
    const existing = workers.find((worker) => worker.hive === alias && worker.type === type);
    const { id } = existing ?? (await queen.runOperation('worker_spawn', { type, hive: alias }));
    console.log(`${alias}: ${id} ${existing ? 'was running' : 'started'}`);
  }
} catch (error) {
  if (!(error instanceof RbeeError)) throw error;
  console.error(`${error.code}: ${error.message}\ntry: ${error.hint}`);
  process.exitCode = 1;
}
