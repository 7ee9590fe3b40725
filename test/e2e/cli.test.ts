/** The command line itself: the real program, against a real socket where it needs a queen. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { loadConfig } from '../../core/keeper/main.ts';
import { type FakeQueen, startFakeQueen } from '../harness/fake-queen.ts';
import { bin, createHome, type TestHome } from '../harness/home.ts';
import { sampleOf, until } from '../harness/until.ts';

const version = JSON.parse(readFileSync(join(import.meta.dirname, '../../core/package.json'), 'utf8')).version;
const commands = (await loadConfig({ ignoreManifest: true })).commands.map(({ id }) => id.replaceAll(':', ' '));

let home: TestHome;
let queen: FakeQueen | undefined;
before(() => {
  home = createHome();
});
afterEach(async () => {
  await queen?.close();
  queen = undefined;
  rmSync(home.paths.queenSocket, { force: true });
});
after(() => home.close());

const worker = {
  id: 'llamacpp-a1b2',
  type: 'llamacpp',
  variant: 'cpu',
  device: 'cpu',
  model: 'demo',
  names: ['demo'],
  reference: 'demo',
  state: 'ready',
  progress: null,
  pid: 4242,
  port: 18000,
  hive: 'local',
  engine: 'builtin',
  plugin: '@rbee/worker-llamacpp',
  pluginVersion: '0.1.0',
  startedAt: '2026-01-01T00:00:00.000Z',
  readyAt: '2026-01-01T00:00:01.000Z',
  readyMs: 1000,
  restarts: 0,
  running: null,
  waiting: null,
  failure: null,
  options: {},
  logFile: '/x.log',
};
const list = { 'GET /v1/workers': { workers: [worker] } };
const errorOf = (stdout: string): { code: string; message: string; hint: string } => JSON.parse(stdout).error;

describe('rbee without a queen', () => {
  it('prints its version', async () => {
    const run = await home.rbee(['--version']);
    assert.deepEqual([run.code, run.stdout], [0, `rbee ${version}\n`]);
  });

  it('refuses an old Node in one sentence, before it loads anything that such a Node cannot parse', (t) => {
    const old = ['/usr/bin/node', '/usr/local/bin/node'].find((program) => {
      if (!existsSync(program)) return false;
      return Number(execFileSync(program, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' })) < 24;
    });
    // Without an old Node at hand, this one pretends to be old.
    const disguise = "data:text/javascript,Object.defineProperty(process, 'versions', { value: { node: '20.1.0' } })";
    const argv = old === undefined ? [process.execPath, '--import', disguise, bin] : [old, bin];
    t.diagnostic(`with ${old ?? 'this Node in disguise'}`);
    const [program = '', ...args] = argv;
    const run = spawnToEnd(program, [...args, 'status']);
    return run.then(({ code, stdout, stderr }) => {
      assert.equal(code, 1);
      assert.equal(stdout, '');
      assert.match(stderr, /^rbee needs Node 24 or newer, this is v[\d.]+; install it from https:\/\/nodejs\.org\n$/);
    });
  });

  it('shows examples in the help of every command', async () => {
    assert.ok(commands.length > 30, `${commands.length} commands`);
    for (const command of sampleOf(commands, 4)) {
      const { code, stdout } = await home.rbee([...command.split(' '), '--help']);
      assert.equal(code, 0, command);
      assert.match(stdout, /EXAMPLES/, command);
      assert.ok(stdout.includes(`$ rbee ${command}`), command);
      assert.match(stdout, /--json/, command);
    }
  });

  it('lists the topics when given nothing, and the commands of a topic when given one', async () => {
    for (const args of [[], ['--help'], ['help']])
      assert.match((await home.rbee(args)).stdout, /TOPICS[\s\S]*worker[\s\S]*COMMANDS[\s\S]*demo/);
    for (const args of [['worker'], ['help', 'worker'], ['worker', '--help']]) {
      assert.match((await home.rbee(args)).stdout, /worker spawn/, args.join(' '));
    }
  });

  const mistakes: [string[], RegExp, RegExp][] = [
    [['worker', 'spwan'], /no command worker spwan; did you mean worker spawn/, /rbee worker --help/],
    [['spawn'], /no command spawn; did you mean worker spawn/, /rbee --help/],
    [['wroker', 'list'], /no command wroker; did you mean worker\?/, /rbee --help/],
    [['worker', 'spawn', '--tpye', 'x'], /no flag --tpye; did you mean --type/, /rbee worker spawn --help/],
    [['worker', 'spawn'], /missing required flag type/i, /rbee worker spawn --help/],
    [['worker', 'get'], /WORKER is missing/, /rbee worker get --help/],
    [['worker', 'get', 'a', 'b'], /unexpected argument: b/, /rbee worker get --help/],
    [['worker', 'stop'], /at least one worker/, /rbee worker stop --help/],
    [['worker', 'spawn', '--type', 'x', '--option', 'nonsense'], /"nonsense" is not an option/, /--help/],
    [['worker', 'spawn', '--type', 'x', '--memory-limit', 'much'], /"much" is not a size/, /--help/],
    [['worker', 'spawn', '--type', 'x', '--restart', 'perhaps'], /perhaps.*never, on-failure, always/, /--help/],
    [['infer', '-m', 'demo', '--temperature', 'hot', 'Hello'], /--temperature must be a number/, /--help/],
    [['infer', '-m', 'demo'], /the prompt on stdin is empty/, /--help/],
    [['job', 'list', '--limit', 'some'], /integer/, /--help/],
    [['completion', 'ksh'], /bash, zsh, fish/, /--help/],
  ];
  for (const [args, problem, help] of mistakes) {
    it(`exits with 2 and says what is wrong: rbee ${args.join(' ')}`, async () => {
      const plain = await home.rbee(args);
      assert.equal(plain.code, 2, plain.stderr);
      assert.equal(plain.stdout, '');
      assert.match(plain.stderr, problem);
      assert.match(plain.stderr, help);
      const json = await home.rbee([...args, '--json']);
      assert.equal(json.code, 2);
      const error = errorOf(json.stdout);
      assert.equal(error.code, 'USAGE');
      assert.match(error.message, problem);
      assert.match(error.hint, help);
    });
  }

  it('starts none with --no-start, nor for queen status, stop and logs', async () => {
    for (const args of [
      ['worker', 'list'],
      ['status'],
      ['job', 'list'],
      ['worker', 'get', 'x'],
      ['infer', '-m', 'demo', 'Hi'],
    ]) {
      const run = await home.rbee([...args, '--no-start', '--json']);
      assert.equal(run.code, 1, args.join(' '));
      assert.equal(errorOf(run.stdout).code, 'QUEEN_NOT_RUNNING', args.join(' '));
    }
    assert.equal((await home.json(['queen', 'status'])).status, 'stopped');
    assert.deepEqual(await home.json(['queen', 'stop']), { stopped: false });
    assert.deepEqual(await home.json(['queen', 'logs']), { lines: [] });
    assert.deepEqual(home.processes(), []);
  });

  it('is checked by the doctor, which does not start one', async () => {
    const { healthy, checks } = await home.json(['doctor']);
    assert.equal(healthy, true);
    for (const name of ['node', 'state folder', 'disk space', 'rbee.conf', 'queen']) {
      assert.ok(
        checks.some((check: { name: string }) => check.name === name),
        name,
      );
    }
    assert.deepEqual(home.processes(), []);
  });
});

describe('rbee with a queen', () => {
  it('prints the same on the fast path and on the slow one', async () => {
    queen = await startFakeQueen(home.paths.queenSocket, list);
    const short = await home.rbee(['worker', 'list']);
    const long = await home.rbee(['worker', 'list', '--no-start']);
    assert.equal(short.code, 0);
    assert.match(short.stdout, /^WORKER +STATE +MODEL[^\n]*\nllamacpp-a1b2 +ready +demo /);
    assert.equal(short.stdout, long.stdout);
    assert.equal(
      (await home.rbee(['worker', 'list', '--json'])).stdout,
      (await home.rbee(['worker', 'list', '--no-start', '--json'])).stdout,
    );
    assert.deepEqual(await home.json(['worker', 'list']), { workers: [worker] });
  });

  it('writes no colours into a pipe, whatever the terminal', async () => {
    queen = await startFakeQueen(home.paths.queenSocket, list);
    const run = await home.rbee(['worker', 'list'], { env: { NO_COLOR: '', TERM: 'xterm-256color' } });
    assert.match(run.stdout, /llamacpp-a1b2/);
    assert.ok(!run.stdout.includes('\u001b'));
  });

  it('passes on an error of the queen with code, message and hint', async () => {
    const error = { code: 'WORKER_NOT_FOUND', message: 'there is no worker x', hint: 'run: rbee worker list' };
    const answer = (_: IncomingMessage, response: ServerResponse) =>
      response.writeHead(404).end(JSON.stringify({ error }));
    queen = await startFakeQueen(home.paths.queenSocket, { 'GET /v1/workers/x': answer });
    const json = await home.rbee(['worker', 'get', 'x', '--json']);
    assert.deepEqual([json.code, errorOf(json.stdout)], [1, error]);
    const plain = await home.rbee(['worker', 'get', 'x']);
    assert.equal(plain.stderr, 'error: there is no worker x\n  try: rbee worker list\n');
  });

  it('exits quietly when its reader leaves', async () => {
    const workers = Array.from({ length: 5_000 }, (_, index) => ({ ...worker, id: `llamacpp-${index}` }));
    queen = await startFakeQueen(home.paths.queenSocket, { 'GET /v1/workers': { workers } });
    for (const args of [
      ['worker', 'list'],
      ['worker', 'list', '--no-start', '--json'],
    ]) {
      const child = home.start(args);
      child.stdout?.once('data', () => child.stdout?.destroy());
      let stderr = '';
      child.stderr?.on('data', (piece) => {
        stderr += piece;
      });
      const code = await new Promise((resolve) => child.once('close', resolve));
      assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    }
  });

  it('completes names that only the queen knows', async () => {
    const fleet = { queen: {}, hives: [], workers: [worker], models: ['demo'] };
    queen = await startFakeQueen(home.paths.queenSocket, { 'GET /v1/status': fleet });
    assert.equal(
      (await home.rbee(['__complete', '--', 'worker', 'get', 'lla'])).stdout,
      'llamacpp-a1b2\tdemo, ready\n',
    );
  });

  // bash inserts candidates verbatim, so a malicious machine could have had a command run by Tab and Enter.
  it('completes no name that a shell would read as more than a word', async () => {
    const ids = [
      '$(reboot)',
      'a;reboot',
      'a b',
      '`reboot`',
      '-rf',
      '--now',
      'a\nb',
      "a'",
      '~',
      'fine-1',
      'hf:org/ré@1',
    ];
    const fleet = { queen: {}, hives: [], workers: ids.map((id) => ({ ...worker, id, model: 'x\ty' })), models: [] };
    queen = await startFakeQueen(home.paths.queenSocket, { 'GET /v1/status': fleet });
    assert.equal(
      (await home.rbee(['__complete', '--', 'worker', 'get', ''])).stdout,
      'fine-1\tx\\ty, ready\nhf:org/ré@1\tx\\ty, ready\n',
    );
  });
});

describe('bash completion', () => {
  it('works in a real bash', async () => {
    queen = await startFakeQueen(home.paths.queenSocket, {
      'GET /v1/status': { queen: {}, hives: [], workers: [worker], models: ['demo'] },
    });
    const script = `
      rbee() { "$NODE" "$RBEE" "$@"; }
      source <(rbee completion bash)
      try() { COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _rbee_complete; echo "\${COMPREPLY[*]}"; }
      try rbee worker st
      try rbee worker stop ''
      try rbee worker spawn --restart on
      try rbee queen stop -- | grep -o -- --json
    `;
    const { stdout } = await spawnToEnd('bash', ['--norc', '-c', script], { NODE: process.execPath, RBEE: bin });
    assert.deepEqual(stdout.trim().split('\n'), ['start status stop', 'llamacpp-a1b2', 'on-failure', '--json']);
  });
});

describe('a job', () => {
  const event = (seq: number, body: object): string =>
    `id: ${seq}\ndata: ${JSON.stringify({ seq, at: '2026-01-01T00:00:00Z', ...body })}\n\n`;

  /** A queen whose one job reports a step and then waits until it is cancelled. */
  const waiting = async () => {
    let stream: ServerResponse | undefined;
    const job = { id: 'job-1', operation: 'worker_spawn', state: 'running', input: {} };
    return startFakeQueen(home.paths.queenSocket, {
      'POST /v1/jobs': (_: IncomingMessage, response: ServerResponse) =>
        response.writeHead(202).end(JSON.stringify({ job_id: 'job-1' })),
      'GET /v1/jobs/job-1/events': (_: IncomingMessage, response: ServerResponse) => {
        stream = response.writeHead(200, { 'content-type': 'text/event-stream' });
        stream.write(event(1, { kind: 'step', id: 's', text: 'starting llamacpp' }));
      },
      'DELETE /v1/jobs/job-1': (_: IncomingMessage, response: ServerResponse) => {
        response.writeHead(202).end(JSON.stringify(job));
        const error = {
          code: 'CANCELLED',
          message: 'worker_spawn was cancelled',
          hint: 'run the command again to start over',
        };
        stream?.end(event(2, { kind: 'error', error }));
      },
    });
  };
  const spawnArgs = ['worker', 'spawn', '--type', 'llamacpp', '--model', 'demo'];

  /** Runs until it shows progress, then sends a signal; returns how it ended. */
  const interrupt = async (args: readonly string[], signal: NodeJS.Signals) => {
    const child = home.start(args);
    let stderr = '';
    child.stderr?.on('data', (piece) => {
      stderr += piece;
    });
    await until(() => stderr.includes('starting llamacpp'), { what: 'the narration' });
    child.kill(signal);
    const [code, by] = await new Promise<[number | null, string | null]>((resolve) =>
      child.once('close', (...ended) => resolve(ended)),
    );
    return { code, by, stderr };
  };

  it('is cancelled by Ctrl-C, and rbee exits with 130', async () => {
    queen = await waiting();
    const { code, stderr } = await interrupt(spawnArgs, 'SIGINT');
    assert.equal(code, 130);
    assert.match(stderr, /spawn of llamacpp demo was cancelled/);
    assert.ok(queen.requests.includes('DELETE /v1/jobs/job-1'));
  });

  it('is cancelled by Ctrl-C after attach, but not while it is only watched', async () => {
    queen = await waiting();
    assert.equal((await interrupt(['job', 'watch', 'job-1'], 'SIGINT')).code, 130);
    assert.ok(!queen.requests.includes('DELETE /v1/jobs/job-1'));
    assert.equal((await interrupt(['job', 'attach', 'job-1'], 'SIGINT')).code, 130);
    assert.ok(queen.requests.includes('DELETE /v1/jobs/job-1'));
  });

  it('is abandoned at once by a second Ctrl-C', async () => {
    let asked = false;
    queen = await startFakeQueen(home.paths.queenSocket, {
      'POST /v1/jobs': { job_id: 'job-3' },
      'GET /v1/jobs/job-3/events': (_: IncomingMessage, response: ServerResponse) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(event(1, { kind: 'step', id: 's', text: 'starting llamacpp' }));
      },
      'DELETE /v1/jobs/job-3': () => {
        asked = true;
      },
    });
    const child = home.start(spawnArgs);
    let stderr = '';
    child.stderr?.on('data', (piece) => {
      stderr += piece;
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    await until(() => stderr.includes('starting llamacpp'));
    child.kill('SIGINT');
    await until(() => asked && stderr.includes('press Ctrl-C again'));
    child.kill('SIGINT');
    assert.equal(await ended, 130);
  });

  it('continues when the terminal is lost', async () => {
    queen = await waiting();
    assert.equal((await interrupt(spawnArgs, 'SIGHUP')).by, 'SIGHUP');
    assert.ok(!queen.requests.includes('DELETE /v1/jobs/job-1'));
  });

  it('continues with --detach, which says how to attach to it', async () => {
    queen = await waiting();
    const run = await home.rbee([...spawnArgs, '--detach']);
    assert.deepEqual([run.code, run.stdout], [0, 'job-1\n']);
    assert.match(run.stderr, /rbee job attach job-1/);
    assert.deepEqual(await home.json([...spawnArgs, '--detach']), { job_id: 'job-1' });
  });

  it('reports progress on stderr and prints its result on stdout', async () => {
    queen = await startFakeQueen(home.paths.queenSocket, {
      'POST /v1/jobs': { job_id: 'job-2' },
      'GET /v1/jobs/job-2/events': (_: IncomingMessage, response: ServerResponse) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(event(1, { kind: 'step', id: 's', text: 'starting llamacpp', on: 'local' }));
        response.end(event(2, { kind: 'done', id: 's', ms: 90 }) + event(3, { kind: 'result', result: worker }));
      },
    });
    const run = await home.rbee(spawnArgs);
    assert.equal(run.code, 0);
    assert.match(run.stdout, /worker +llamacpp-a1b2\n[\s\S]*pid +4242\nport +18000\nready after +1\.0 s/);
    assert.equal(run.stderr, 'local: starting llamacpp\ndone: local: starting llamacpp (90 ms)\n');
    assert.deepEqual(await home.json(spawnArgs), worker);
  });

  it('exits with 3 when only some of several fail', async () => {
    let jobs = 0;
    queen = await startFakeQueen(home.paths.queenSocket, {
      'POST /v1/jobs': (_: IncomingMessage, response: ServerResponse) =>
        response.end(JSON.stringify({ job_id: `job-${++jobs}` })),
      'GET /v1/jobs/job-1/events': (_: IncomingMessage, response: ServerResponse) =>
        response.end(event(1, { kind: 'result', result: worker })),
      'GET /v1/jobs/job-2/events': (_: IncomingMessage, response: ServerResponse) =>
        response.end(
          event(1, { kind: 'error', error: { code: 'WORKER_NOT_FOUND', message: 'there is no worker y', hint: 'h' } }),
        ),
    });
    const run = await home.rbee(['worker', 'delete', 'x', 'y']);
    assert.equal(run.code, 3);
    assert.match(run.stdout, /deleted llamacpp-a1b2/);
    assert.match(run.stderr, /there is no worker y/);
  });
});

const spawnToEnd = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(program, args, { env: { ...home.env, ...env } });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (piece) => {
      said.stdout += piece;
    });
    child.stderr.on('data', (piece) => {
      said.stderr += piece;
    });
    child.once('close', (code) => resolve({ code, ...said }));
  });
