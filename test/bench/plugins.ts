/** What installed plugins cost: until running daemons see them, in every command, and in a plugin check. */
import { mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePackage } from '../harness/registry.ts';
import { type Bench, row } from './harness/bench.ts';
import { type BenchHome, startRbee } from './harness/home.ts';
import { plainPlugin } from './harness/packages.ts';
import { poll } from './harness/ports.ts';
import { root, timeOf } from './harness/programs.ts';
import { interleave, samplesOf } from './harness/samples.ts';

const many = 50;

export const plugins: Bench = async ({ rounds, cleanup }) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rbee-bench-plugins-')));
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  const folders = Array.from({ length: many }, (_, index) =>
    writePackage(join(folder, `plain-${index}`), plainPlugin(`plain-${index}`)),
  );
  const none = await startRbee(cleanup, { plugins: [] });
  const fifty = await startRbee(cleanup, { plugins: folders });
  const ordinary = ({ program, env }: BenchHome) => timeOf([program, 'job', 'list'], env);
  const command = await interleave(rounds * 4, { none: () => ordinary(none), fifty: () => ordinary(fifty) });

  const seen: number[] = [];
  for (let round = 0; round <= rounds * 2; round += 1) {
    const time = await untilSeen(none, folders[0] ?? '');
    if (round > 0) seen.push(time);
  }
  const examined = await interleave(Math.min(rounds, 3), {
    llamacpp: () => timeOf([none.program, 'plugins', 'check', join(root, 'plugins/worker-llamacpp')], none.env),
  });
  return [
    row({
      what: 'plugin added to the index, until the queen lists it',
      unit: 'ms',
      value: samplesOf(seen),
      aim: { of: 'value', atMost: 250 },
    }),
    row({
      what: `rbee job list with ${many} plugins`,
      unit: 'ms',
      value: command.fifty,
      baseline: { name: 'with none', value: command.none },
      aim: { of: 'ratio', atMost: 1.3 },
    }),
    row({
      what: 'rbee plugins check worker-llamacpp',
      unit: 'ms',
      value: examined.llamacpp,
      aim: { of: 'value', atMost: 20_000 },
    }),
  ];
};

/** Adds the plugin to the index by renaming a new index into place, as every installer does; removes it afterwards. */
const untilSeen = async ({ home, client }: BenchHome, plugin: string): Promise<number> => {
  const index = join(home.paths.data, 'package.json');
  const before = readFileSync(index, 'utf8');
  const put = (text: string) => {
    writeFileSync(`${index}.new`, text);
    renameSync(`${index}.new`, index);
  };
  const types = async () => (await client.get<{ types: unknown[] }>('/v1/catalog')).types.length;
  const there = await types();
  const { oclif, ...rest } = JSON.parse(before) as { oclif: { plugins: object[] } };
  const link = { name: 'plain', type: 'link', root: plugin };
  put(JSON.stringify({ ...rest, oclif: { ...oclif, plugins: [...oclif.plugins, link] } }));
  const begun = performance.now();
  await poll(async () => (await types()) > there, 'the new type', 1);
  const time = performance.now() - begun;
  put(before);
  await poll(async () => (await types()) === there, 'its removal');
  return time;
};
