/**
 * A fleet with an honest machine and a lying one. The honest one (`good`) runs a real hive and a real worker. The other
 * one (`evil`) runs as many fake hives as there are lies, each where a real one would be. Each is reached through real
 * SSH, tells the truth until a test makes it lie, and is a separate hive to the queen, so that no lie has to wait for
 * another one to end.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connectQueen, type QueenClient } from '../../core/queen/client/client.ts';
import { createFleet, type TestFleet } from './fleet.ts';
import { listing } from './folder-listing.ts';
import { kill } from './home.ts';
import { startHub } from './hub.ts';
import type { Heard, LiarSetup } from './lying-hive.ts';
import type { Host } from './machines.ts';
import { until } from './until.ts';

export interface LyingFleet {
  fleet: TestFleet;
  evil: Host;
  queen: QueenClient;
  /** Where applications find the queen. */
  url: string;
  /** The hives that lie, in the order of their lies. */
  liars: LiarSetup['liars'];
  /**
   * Tells hives to lie, by alias; null: to tell the truth again. They drop their connections, and the queen reconnects.
   */
  tell(lies: Readonly<Record<string, string | null>>): Promise<void>;
  /** The next agent that starts on the lying machine tells this lie; null: the truth. */
  tellAgents(lie: string | null): void;
  /** Has an agent picked up its lie? The next agent does not find it any more. */
  isTaken(): boolean;
  /** Ends all agents of the lying machine, so that the queen starts a new one. */
  endAgents(): void;
  /** Replaces a broken queen. */
  restart(): Promise<void>;
  /** What the lying machine recorded. */
  heard(): Promise<Heard>;
  /**
   * What must never change outside the home: one line for each file, and one for each connection to the forbidden port.
   */
  canary(): string[];
  /** Restores everything, and returns the new lines. */
  layCanary(): string[];
  /** API key of the worker of the honest machine. */
  goodKey: string;
  /** Bytes of memory that the queen uses now, and of disk in its state folder. */
  memory(): number;
  disk(): number;
  close(): Promise<void>;
}

export const goodWorker = { id: 'tick-good', name: 'tick' } as const;
export const goodHive = 'good';

const declared = `
[[hive]]
alias = "${goodHive}"
run = [{ type = "ticker", name = "${goodWorker.name}", id = "${goodWorker.id}" }]

[[hive]]
alias = "evil"
run = [{ type = "ticker", name = "tock", id = "tick-evil" }]
`;

/** Starts a fleet with `count` hives that lie. */
export const createLyingFleet = async (count: number): Promise<LyingFleet> => {
  const fleet = await createFleet({ hosts: [goodHive, 'evil'] });
  const closing: (() => unknown)[] = [() => fleet.close()];
  const close = async () => {
    for (const end of closing.reverse()) await end();
  };
  try {
    const hub = await startHub();
    closing.push(() => hub.close());
    hub.commit('acme/Small', { 'small.gguf': Buffer.alloc(1_000, 'gguf') });
    Object.assign(fleet.home.env, { HF_ENDPOINT: hub.url, HF_HOME: join(fleet.home.folder, 'hf') });
    const canary = makeCanary(fleet);
    canary.lay();
    closing.push(canary.remove);
    const listener = await startListener();
    closing.push(listener.close);
    fleet.declare(declared);
    await fleet.home.json(['sync']);
    const { queen: before } = await fleet.home.json(['status']);
    const queenPort = Number(new URL(before.url).port);

    const { good, machineId } = await honest(fleet);
    const aliases = Array.from({ length: count }, (_, nth) => `liar-${String(nth).padStart(3, '0')}`);
    const liars = aliases.map((alias) => ({
      alias,
      worker: `w-${alias}`,
      model: `m-${alias}`,
      good: { ...goodWorker, machineId },
      canary: canary.file,
      secret: canary.secret,
      listener: listener.port,
      baits: [17_999, 19_000, queenPort],
      trap: 18_998,
    }));
    const evil = fleet.machines.host('evil');
    await startLiars(evil, liars);
    replaceAgent(evil);
    await fleet.home.rbee(['queen', 'stop']);
    const port = `port = ${queenPort}`;
    const { rbeeConf } = fleet.home.paths;
    writeFileSync(rbeeConf, readFileSync(rbeeConf, 'utf8').replace('port = 0', port));
    introduce(fleet, aliases);
    const { url } = await fleet.home.json(['queen', 'start']);
    const queen = connectQueen({ socketPath: fleet.home.paths.queenSocket });
    const pid = () => readFileSync(fleet.home.paths.queenPid, 'utf8').trim();

    const controlSocket = evil.path('liars/control.sock');
    const seen = () => [
      ...canary.listing(),
      ...listener.calls.map((call) => `the forbidden port was dialled: ${call}`),
    ];
    return {
      fleet,
      evil,
      queen,
      url,
      liars,
      tell: async (told) => void (await asked(controlSocket, 'PUT', '/lies', told)),
      tellAgents: (lie) => {
        const file = evil.path('liars/agent-lie');
        if (lie === null) rmSync(file, { force: true });
        else writeFileSync(file, lie);
      },
      isTaken: () => !evil.files('liars').includes('agent-lie'),
      endAgents: () => {
        for (const { pid: agent, command } of evil.processes()) if (/\/agent\/[^ ]+\.mjs$/.test(command)) kill(agent);
      },
      restart: async () => {
        kill(Number(pid()));
        await fleet.home.json(['queen', 'start']);
      },
      heard: async () => (await asked(controlSocket, 'GET', '/heard')) as Heard,
      canary: seen,
      layCanary: () => {
        canary.lay();
        listener.calls.length = 0;
        return seen();
      },
      goodKey: good.apiKey,
      memory: () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid()}/status`, 'utf8'))?.[1]) * 1024,
      disk: () => diskOf(fleet.home.paths.state),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** Files outside the queen's data: beside its home and beside its cache, where paths with `..` would lead. */
const makeCanary = ({ home }: TestFleet) => {
  const secret = `the secret of ${home.folder}`;
  const folder = `${home.folder}-canary`;
  const file = join(folder, 'precious.txt');
  const beside = join(home.folder, 'canary');
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
    for (const name of readdirSync(home.folder))
      if (name.startsWith('canary')) rmSync(join(home.folder, name), { recursive: true });
  };
  const lay = (): void => {
    remove();
    mkdirSync(join(folder, 'below'), { recursive: true });
    writeFileSync(file, secret, { mode: 0o640 });
    writeFileSync(join(folder, 'below/executable'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(beside, secret, { mode: 0o600 });
  };
  const times = (): string[] =>
    [folder, file, beside].map((path) => {
      const there = statSync(path, { throwIfNoEntry: false });
      return `${path} ${there ? `${there.mtimeMs} ${there.ctimeMs}` : 'is gone'}`;
    });
  const around = (): string[] => [
    ...readdirSync(home.folder).filter((name) => name.includes('canary')),
    ...readdirSync(join(home.folder, '..')).filter((name) => name.startsWith(`${basename(home.folder)}-`)),
  ];
  return {
    file,
    secret,
    listing: () => [...listing(folder), ...times(), ...around().sort()],
    lay,
    remove,
  };
};

const startListener = async () => {
  const calls: string[] = [];
  const server = createServer((socket) => {
    calls.push(`a connection from port ${socket.remotePort}`);
    socket.on('error', () => {}).destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, calls, close: () => new Promise((resolve) => server.close(resolve)) };
};

const honest = async (fleet: TestFleet) => {
  const host = fleet.machines.host(goodHive);
  const state = '.local/state/rbee';
  const machine = readdirSync(host.path(state)).find((name) => /^[0-9a-f]{12}$/.test(name));
  const record = JSON.parse(readFileSync(host.path(`${state}/${machine}/runs/${goodWorker.id}.json`), 'utf8'));
  return { machineId: machine ?? '', good: { apiKey: record.data.draft.apiKey as string } };
};

const startLiars = async (evil: Host, liars: LiarSetup['liars']): Promise<void> => {
  const here = import.meta.dirname;
  const put = (file: string) => copyFileSync(join(here, file), evil.path(`liars/${file}`));
  await evil.run('mkdir -p liars/lies');
  for (const file of ['lying-hive.ts', 'lying-agent.ts']) put(file);
  for (const file of readdirSync(join(here, 'lies'))) put(`lies/${file}`);
  const state = '.local/state/rbee';
  const machine = readdirSync(evil.path(state)).find((name) => /^[0-9a-f]{12}$/.test(name));
  const hive = join(evil.home, state, machine ?? '', 'hive.sock');
  writeFileSync(evil.path('liars/setup.json'), JSON.stringify({ hive, liars } satisfies LiarSetup));
  writeFileSync(evil.path('liars/package.json'), '{"type":"module"}');
  const node = `.local/share/rbee/runtimes/*/bin/node`;
  await evil.run(`setsid ${node} liars/lying-hive.ts liars > liars/log 2>&1 < /dev/null &`);
  await until(() => evil.files('liars').includes('control.sock'), { what: 'the liars' }).catch((error) => {
    throw new Error(`the liars did not start: ${readFileSync(evil.path('liars/log'), 'utf8')}`, { cause: error });
  });
};

/** The real agent stays beside it. */
const replaceAgent = (evil: Host): void => {
  const folder = '.local/share/rbee/agent';
  for (const name of readdirSync(evil.path(folder))) {
    const file = evil.path(`${folder}/${name}`);
    copyFileSync(file, `${file}.real.mjs`);
    const program = join(evil.home, 'liars/lying-agent.ts');
    const agent = join(evil.home, folder, `${name}.real.mjs`);
    const text = `import { lieAs } from ${JSON.stringify(program)};\nawait lieAs(${JSON.stringify(agent)});\n`;
    writeFileSync(file, text);
  }
};

/** Makes the queen know the liars, as if a sync had installed a hive behind each socket. */
const introduce = ({ home, machines, declare }: TestFleet, aliases: readonly string[]): void => {
  const file = join(home.paths.state, 'machines.json');
  const { machines: known } = JSON.parse(readFileSync(file, 'utf8'));
  const evil = machines.host('evil');
  for (const alias of aliases) {
    const target = { alias, hostname: alias };
    known[alias] = { ...known.evil, target, hiveSocket: join(evil.home, 'liars', `${alias}.sock`) };
  }
  writeFileSync(file, JSON.stringify({ machines: known }));
  // If the queen restarted one, it would start the real hive of the machine.
  const hives = aliases.map((alias) => `[[hive]]\nalias = "${alias}"\nauto_start = false\n`);
  declare([declared, ...hives].join('\n'));
  const { config } = machines.client;
  const block = `Host liar-*\n  HostName ${evil.address}\n  Port ${evil.port}\n  User ${evil.user}\n\n`;
  writeFileSync(config, block + readFileSync(config, 'utf8'));
};

const asked = (socketPath: string, method: string, path: string, body?: unknown): Promise<unknown> =>
  new Promise((resolve, reject) => {
    httpRequest({ socketPath, method, path }, (answer) => text(answer).then(JSON.parse).then(resolve, reject))
      .on('error', reject)
      .end(body === undefined ? undefined : JSON.stringify(body));
  });

const diskOf = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, { parentPath, name }) => sum + (statSync(join(parentPath, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
