/** Lifecycle checks: runs workers with the hive's own code, against an engine that misbehaves. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { assert, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import { WorkerRun, type WorkerRunOptions } from '../worker-run.ts';

const live = (options: WorkerRunOptions, use: (run: WorkerRun) => Promise<void>): Check['check'] => {
  return (plugin) => WorkerRun.use(plugin, options, use);
};

/** Reads a stream up to the text, and leaves it open. */
const readUpTo = async (response: Response, text: string): Promise<ReadableStreamDefaultReader<Uint8Array>> => {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let read = '';
  while (!read.includes(text)) {
    const { value, done } = await reader.read();
    assert(!done, `the stream ended after ${shown(read)}`);
    read += decoder.decode(value, { stream: true });
  }
  return reader;
};

const mustBe = (run: WorkerRun, state: string): void =>
  assert(run.view.state === state, `it is ${run.view.state}, not ${state} (${run.view.failure?.message ?? ''})`);

/** A failed start leaves no process, keeps its reason, and is not retried. */
const mustHaveFailed = (run: WorkerRun, error: Error, launches: number): void => {
  mustBe(run, 'failed');
  assert(error.message !== '' && run.view.failure !== null, 'the failure has no message');
  assert(run.view.pid === null, 'its process still runs');
  assert(run.launches.length === launches, `it was started ${run.launches.length} times`);
};

export const lifeChecks = [
  {
    id: 'life.ready',
    title: 'it becomes ready, answers with its API key, and is stopped',
    check: live({}, async (run) => {
      await run.ready();
      mustBe(run, 'ready');
      const { pid } = run.view;
      await run.worker.process.stop({ now: true });
      mustBe(run, 'stopped');
      assert(await run.isGone(pid ?? 0), 'its process still runs');
    }),
  },
  {
    id: 'life.answers',
    title: 'once ready, it answers on the path that it serves, in full and as a stream',
    needs: ['posts'],
    check: live({}, async (run) => {
      await run.ready();
      for (const stream of [false, true]) {
        const response = await run.ask({ stream, max_tokens: 3 });
        assert(response.status === 200, `it answers ${response.status}`);
        assert((await response.text()).includes('token3'), 'the answer is incomplete');
      }
      const counters = await run.counters();
      assert(counters.requests === 2 && counters.running === 0, `it counted ${shown(counters)}`);
    }),
  },
  {
    id: 'life.slow-start',
    title: 'while it loads slowly, it is neither reported as ready nor abandoned',
    check: live({ flags: ['--ready-after=400'] }, async (run) => {
      const started = run.begin();
      await started.until(() => run.view.state === 'loading', 'loading');
      await run.until(async () => (await run.log()).includes('listening on'), 'the engine to listen');
      mustBe(run, 'loading');
      await started.done;
      mustBe(run, 'ready');
    }),
  },
  {
    id: 'life.progress',
    title: 'its progress is shown while it loads',
    needs: ['progress'],
    check: live({ flags: ['--ready-after=400', '--load-lines=4'] }, async (run) => {
      await run.ready();
      assert(
        run.progress.some((percent) => percent > 0 && percent < 100),
        `instead of 25, 50, 75 and 100 %, it showed ${run.progress.join(', ') || 'nothing'}`,
      );
    }),
  },
  {
    id: 'life.dead-listener',
    title: 'an engine that listens but never becomes ready is abandoned',
    check: live({ flags: ['--never-ready'], progressDeadlineMs: 1_000 }, async (run) => {
      const error = await run.failedStart();
      mustHaveFailed(run, error, 1);
    }),
  },
  {
    id: 'life.no-listener',
    title: 'an engine that runs but never listens is abandoned',
    check: live({ flags: ['--no-listen'], progressDeadlineMs: 1_000 }, async (run) => {
      const error = await run.failedStart();
      mustHaveFailed(run, error, 1);
    }),
  },
  {
    id: 'life.wrong-port',
    title: 'an engine that listens on another port is abandoned',
    check: live({ flags: ['--wrong-port'], progressDeadlineMs: 1_000 }, async (run) => {
      const error = await run.failedStart();
      mustHaveFailed(run, error, 1);
    }),
  },
  {
    id: 'life.failed-status',
    title: 'a status that means failure ends the start at once',
    needs: ['failedStatus'],
    check: async (plugin) => {
      const status = plugin.type.health.failedStatus?.[0];
      await WorkerRun.use(plugin, { flags: ['--never-ready', `--loading-status=${status}`] }, async (run) => {
        const error = await run.failedStart();
        mustHaveFailed(run, error, 1);
      });
    },
  },
  {
    id: 'life.exits-while-loading',
    title: 'an engine that ends while it loads fails with its last output and its exit code',
    check: live(
      { flags: ['--exit-before-ready', '--exit-code=3', '--die-with=these are my last words'] },
      async (run) => {
        const error = await run.failedStart();
        mustHaveFailed(run, error, 1);
        const { failure } = run.view;
        assert(failure?.exitCode === 3, `its exit code is reported as ${failure?.exitCode}`);
        assert(failure.log.includes('these are my last words'), `its last output is reported as ${shown(failure.log)}`);
      },
    ),
  },
  {
    id: 'life.exits-with-zero',
    title: 'an engine that ends while it loads fails even with exit code 0',
    check: live({ flags: ['--exit-before-ready', '--exit-code=0'] }, async (run) => {
      const error = await run.failedStart();
      mustHaveFailed(run, error, 1);
    }),
  },
  {
    id: 'life.port-taken',
    title: 'if another program takes its port during the start, it gets another port',
    check: async (plugin) => {
      const stranger = createServer((_, response) => void response.end('a stranger'));
      const onLaunch: WorkerRunOptions['onLaunch'] = async ({ port }) => {
        if (!stranger.listening) await once(stranger.listen(port, '127.0.0.1'), 'listening');
      };
      try {
        await WorkerRun.use(plugin, { onLaunch }, async (run) => {
          await run.ready();
          assert(run.launches.length === 2, `it was started ${run.launches.length} times`);
          assert(run.launches[0]?.port !== run.view.port, 'it was started on the same port again');
        });
      } finally {
        stranger.closeAllConnections();
        stranger.close();
      }
    },
  },
  {
    id: 'life.deaf',
    title: 'an engine that ignores signals is killed after its grace periods',
    check: live({ flags: ['--deaf'] }, async (run) => {
      await run.ready();
      const { pid } = run.view;
      await run.worker.process.stop({ now: true });
      assert(await run.isGone(pid ?? 0), 'its process still runs');
      assert(/got SIG(TERM|INT)/.test(await run.log()), 'it got no signal before it was killed');
    }),
  },
  {
    id: 'life.forks',
    title: 'children of the engine end with it, whether they handle signals or not',
    check: live({ flags: ['--fork-child', '--deaf'] }, async (run) => {
      await run.ready();
      const child = await run.childPid();
      await run.worker.process.stop({ now: true });
      assert(await run.isGone(child), 'its child still runs');
    }),
  },
  {
    id: 'life.flood',
    title: 'an engine that floods its log becomes ready, and is stopped',
    check: live({ flags: ['--flood'] }, async (run) => {
      await run.ready();
      await run.worker.process.stop({ now: true });
      mustBe(run, 'stopped');
    }),
  },
  {
    id: 'life.half-stream',
    title: 'a stream that breaks off in the middle does not end the worker',
    needs: ['posts'],
    check: live({ flags: ['--half-stream'] }, async (run) => {
      await run.ready();
      const whole = await run
        .ask({ stream: true })
        .then(
          (response) => response.text().then(() => true),
          () => false,
        )
        .catch(() => false);
      assert(!whole, 'the stream looks complete');
      await run.until(async () => (await run.counters()).running === 0, 'the request to end');
      mustBe(run, 'ready');
    }),
  },
  {
    id: 'life.silent-stream',
    title: 'a stream that stalls does not end the worker, and ends when its client disconnects',
    needs: ['posts'],
    check: live({ flags: ['--silent-stream'] }, async (run) => {
      await run.ready();
      const leaving = new AbortController();
      const reader = await readUpTo(await run.ask({ stream: true }, leaving.signal), 'token4');
      assert((await run.counters()).running === 1, 'the request is not counted as running');
      leaving.abort();
      await reader.cancel().catch(() => {});
      await run.until(async () => (await run.counters()).running === 0, 'the request to end');
      mustBe(run, 'ready');
    }),
  },
  {
    id: 'life.client-leaves',
    title: 'a client that disconnects during a stream is noticed',
    needs: ['posts'],
    check: live({ flags: ['--endless', '--token-interval=5'] }, async (run) => {
      await run.ready();
      const leaving = new AbortController();
      const reader = await readUpTo(await run.ask({ stream: true }, leaving.signal), 'token2');
      leaving.abort();
      await reader.cancel().catch(() => {});
      await run.until(async () => (await run.counters()).cancelled === 1, 'the cancellation');
      assert((await run.counters()).running === 0, 'the request still runs');
    }),
  },
  {
    id: 'life.load',
    title: 'its metrics show how many requests are running',
    needs: ['load', 'posts'],
    check: live({ flags: ['--endless', '--token-interval=5'] }, async (run) => {
      await run.ready();
      const leaving = new AbortController();
      const running = async () => {
        await run.worker.measureLoad(leaving.signal);
        return run.worker.view().running;
      };
      assert((await running()) === 0, `when idle, ${run.worker.view().running} requests are reported as running`);
      const answer = await run.ask({ stream: true }, leaving.signal);
      await readUpTo(answer, 'token1');
      assert((await running()) === 1, `with one request, ${run.worker.view().running} are reported as running`);
      leaving.abort();
    }),
  },
  {
    id: 'life.drains',
    title: 'a stop waits for a running request',
    needs: ['load', 'posts'],
    check: live({ flags: ['--token-interval=20'] }, async (run) => {
      await run.ready();
      const answer = await run.ask({ stream: true, max_tokens: 10 });
      const text = answer.text();
      // If the stream breaks off before the `await` below, the rejection must fail this check, not crash the test run.
      text.catch(() => {});
      await run.worker.process.stop();
      assert((await text).includes('token10'), 'the request was cut short');
      mustBe(run, 'stopped');
    }),
  },
  {
    id: 'life.crash',
    title: 'an engine that crashes is started again, after its children were ended',
    check: live({ flags: ['--fork-child', '--deaf'] }, async (run) => {
      await run.ready();
      const [{ pid }, child] = [run.view, await run.childPid()];
      process.kill(pid ?? 0, 'SIGKILL');
      await run.until(() => run.view.state === 'ready' && run.view.pid !== pid, 'a restart');
      assert(run.view.restarts === 1, `${run.view.restarts} restarts are counted`);
      assert(await run.isGone(child), 'a child of the crashed process still runs');
    }),
  },
  {
    id: 'life.crash-never',
    title: 'an engine that crashes and must not be restarted fails with a reason',
    check: live({ restart: 'never', flags: ['--exit-code=9', '--die-with=a crash of the examiner'] }, async (run) => {
      await run.ready();
      process.kill(run.view.pid ?? 0, 'SIGUSR2');
      const failure = await run.until(() => run.view.failure, 'a failure');
      mustBe(run, 'failed');
      assert(failure.exitCode === 9, `its exit code is reported as ${failure.exitCode}`);
      assert(failure.message !== '' && failure.hint !== '', 'the failure has no message or no hint');
    }),
  },
  {
    id: 'life.adopted',
    title: 'it survives its hive, and the next hive takes it over',
    check: live({}, async (run) => {
      await run.ready();
      const { pid, port } = run.view;
      assert(await run.changeOwner(), 'it was not found again');
      mustBe(run, 'ready');
      assert(run.view.pid === pid && run.view.port === port, 'it is another process now');
      await run.worker.process.stop({ now: true });
      assert(await run.isGone(pid ?? 0), 'its process still runs');
    }),
  },
  {
    id: 'life.adopted-while-loading',
    title: 'if its hive dies while it loads, the next hive waits until it is ready',
    check: live({ flags: ['--ready-after=500'] }, async (run) => {
      const started = run.begin();
      const pid = await started.until(() => (run.view.state === 'loading' ? run.view.pid : null), 'loading');
      await run.until(async () => (await run.log()).includes('listening on'), 'the engine to listen');
      assert(await run.changeOwner(), 'it was not found again');
      await started.done.catch(() => {});
      await run.ready();
      assert(run.view.pid === pid, 'it is another process now');
    }),
  },
  {
    id: 'life.adopted-dead',
    title: 'if it dies while no hive runs, the next hive restarts it',
    check: live({}, async (run) => {
      await run.ready();
      const pid = run.view.pid ?? 0;
      const found = await run.changeOwner(async () => {
        process.kill(pid, 'SIGKILL');
        await run.until(() => run.isGone(pid), 'the process to end');
      });
      assert(!found, 'a dead process was taken over');
      await run.until(() => run.view.state === 'ready' && run.view.pid !== pid, 'a restart');
    }),
  },
] as const satisfies readonly Check[];
