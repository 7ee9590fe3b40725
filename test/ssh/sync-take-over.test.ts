/** Two queens, one machine: the second takes over the running sync of the first. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet, tickerPlugin } from '../harness/fleet.ts';
import { createHome, type TestHome } from '../harness/home.ts';
import { cannot, type Host } from '../harness/machines.ts';
import { atFullScale, until } from '../harness/until.ts';

const skip = cannot('network');
let fleet: TestFleet;
let desk: TestHome;
let lab: TestHome;
let pi: Host;

before(async () => {
  if (skip) return;
  fleet = await createFleet({ hosts: ['pi'] });
  pi = fleet.machines.host('pi');
  desk = fleet.home;
  writeGate(join(desk.folder, 'worker-gate'));
  await desk.json(['plugins', 'link', join(desk.folder, 'worker-gate')]);
  lab = createHome({ plugins: [tickerPlugin] });
  Object.assign(lab.env, fleet.machines.client.env);
  mkdirSync(lab.paths.state, { recursive: true });
  symlinkSync(desk.paths.cache, lab.paths.cache);
});
after(async () => {
  await lab?.close();
  await fleet?.close();
});

/** The ticker, whose engine listens only once the file `open` exists in the home of its machine. */
const writeGate = (folder: string): void => {
  cpSync(tickerPlugin, folder, { recursive: true });
  const change = (name: string, by: (text: string) => string) =>
    writeFileSync(join(folder, name), by(readFileSync(join(folder, name), 'utf8')));
  change('package.json', (it) => it.replaceAll('ticker', 'gate'));
  change('index.js', (it) => it.replaceAll("'ticker'", "'gate'").replace('20_000', '120_000'));
  change('engine.js', (it) => {
    const open = "existsSync(join(homedir(), 'open'))";
    const listen = `const look = setInterval(() => { if (${open}) { clearInterval(look); server.listen(Number(port), '127.0.0.1'); } }, 100);`;
    const imports = ['fs|existsSync', 'os|homedir', 'path|join'].map((one) => {
      const [from, name] = one.split('|');
      return `import { ${name} } from 'node:${from}';\n`;
    });
    return imports.join('') + it.replace(/^server\.listen.*$/m, listen);
  });
};

const declare = (home: TestHome, ...run: string[]): void =>
  writeFileSync(
    join(home.paths.config, 'hives.conf'),
    `[[hive]]\nalias = "pi"\nrun = [${run.map((id) => `{ type = "${id === 'slow' ? 'gate' : 'ticker'}", id = "${id}", name = "${id}" }`).join(', ')}]\n`,
  );

const shown = async (home: TestHome): Promise<string[]> => {
  const { workers } = await home.json(['worker', 'list']);
  return workers.map(({ id, state }: Record<string, string>) => `${id} ${state}`).sort();
};
const engines = () => pi.processes().filter(({ command }) => command.includes('engine.js'));
const state = (): string => {
  const folder = pi.path('.local/state/rbee');
  return join(folder, readdirSync(folder)[0]!);
};

test('a sync that is taken over ends with its own error code and changes nothing more', {
  skip: skip || atFullScale,
}, async () => {
  declare(desk, 'slow', 'later');
  const child = desk.start(['sync', '--parallel', '1']);
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  const stdout = text(child.stdout!);
  const ended = new Promise<number | null>((done) => child.once('close', done));
  await until(() => /starting slow/.test(said) && engines().length > 0, {
    what: 'the waiting worker',
    deadlineMs: 120_000,
  });

  declare(lab, 'mine');
  const refused = await lab.rbee(['sync']);
  assert.equal(refused.code, 1, refused.stdout + refused.stderr);
  assert.match(refused.stdout, /hive pi .*a sync from .* \(job-\w+\)/);
  const taken = await lab.rbee(['sync', '--take-over']);
  assert.equal(taken.code, 0, taken.stdout + taken.stderr);

  const code = await ended;
  const told = (await stdout) + said;
  assert.equal(code, 3, told);
  assert.match(told, /(a sync from .*|another sync) took over hive pi during this sync/);
  assert.match(told, /find out who did that, then run: rbee sync --hive pi/);
  writeFileSync(pi.path('open'), '');
  await until(async () => (await shown(lab)).join() === 'mine ready', {
    what: 'only the workers that the second queen declared',
  });
  assert.equal(engines().length, 1);
  assert.ok(!existsSync(join(state(), 'sync.lease')));
  assert.match((await lab.rbee(['sync'])).stdout, /nothing to do/);
});
