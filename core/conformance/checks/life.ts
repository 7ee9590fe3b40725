/** Whole lives of workers, through the code of the hive, against an engine that misbehaves. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Check } from '../check.ts';
import { Life, type LifeOptions } from '../life.ts';
import { must, shown } from '../must.ts';

const live = (options: LifeOptions, use: (life: Life) => Promise<void>): Check['check'] => {
  return (subject) => Life.live(subject, options, use);
};

/** Reads a stream up to the text, and leaves it open. */
const readUpTo = async (response: Response, text: string): Promise<ReadableStreamDefaultReader<Uint8Array>> => {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let read = '';
  while (!read.includes(text)) {
    const { value, done } = await reader.read();
    must(!done, `the stream ended after ${shown(read)}`);
    read += decoder.decode(value, { stream: true });
  }
  return reader;
};

const mustBe = (life: Life, state: string): void =>
  must(life.view.state === state, `it is ${life.view.state}, not ${state} (${life.view.failure?.message ?? ''})`);

/** A failed start leaves no process, keeps its reason, and is not tried again by itself. */
const mustHaveFailed = (life: Life, error: Error, launches: number): void => {
  mustBe(life, 'failed');
  must(error.message !== '' && life.view.failure !== null, 'nothing says why');
  must(life.view.pid === null, 'its process still runs');
  must(life.launches.length === launches, `it was started ${life.launches.length} times`);
};

export const lifeChecks = [
  {
    id: 'life.ready',
    title: 'it becomes ready, answers with its API key, and is stopped',
    check: live({}, async (life) => {
      await life.ready();
      mustBe(life, 'ready');
      const { pid } = life.view;
      await life.worker.process.stop({ now: true });
      mustBe(life, 'stopped');
      must(await life.isGone(pid ?? 0), 'its process still runs');
    }),
  },
  {
    id: 'life.answers',
    title: 'once ready it answers on the path that it serves, whole and as a stream',
    needs: ['posts'],
    check: live({}, async (life) => {
      await life.ready();
      for (const stream of [false, true]) {
        const response = await life.ask({ stream, max_tokens: 3 });
        must(response.status === 200, `it answers ${response.status}`);
        must((await response.text()).includes('token3'), 'the answer is not whole');
      }
      const counters = await life.counters();
      must(counters.requests === 2 && counters.running === 0, `it has counted ${shown(counters)}`);
    }),
  },
  {
    id: 'life.slow-start',
    title: 'while it loads slowly it is not taken for ready, and not given up',
    check: live({ flags: ['--ready-after=400'] }, async (life) => {
      const started = life.begin();
      await started.until(() => life.view.state === 'loading', 'loading');
      await life.until(async () => (await life.log()).includes('listening on'), 'the engine to listen');
      mustBe(life, 'loading');
      await started.done;
      mustBe(life, 'ready');
    }),
  },
  {
    id: 'life.progress',
    title: 'while it loads, its progress is shown',
    needs: ['progress'],
    check: live({ flags: ['--ready-after=400', '--load-lines=4'] }, async (life) => {
      await life.ready();
      must(
        life.progress.some((percent) => percent > 0 && percent < 100),
        `of 25, 50, 75 and 100 % was shown: ${life.progress.join(', ') || 'nothing'}`,
      );
    }),
  },
  {
    id: 'life.dead-listener',
    title: 'an engine that listens and never gets ready is given up',
    check: live({ flags: ['--never-ready'], progressDeadlineMs: 1_000 }, async (life) => {
      const error = await life.failedStart();
      mustHaveFailed(life, error, 1);
    }),
  },
  {
    id: 'life.no-listener',
    title: 'an engine that lives and never listens is given up',
    check: live({ flags: ['--no-listen'], progressDeadlineMs: 1_000 }, async (life) => {
      const error = await life.failedStart();
      mustHaveFailed(life, error, 1);
    }),
  },
  {
    id: 'life.wrong-port',
    title: 'an engine that listens on another port is given up',
    check: live({ flags: ['--wrong-port'], progressDeadlineMs: 1_000 }, async (life) => {
      const error = await life.failedStart();
      mustHaveFailed(life, error, 1);
    }),
  },
  {
    id: 'life.failed-status',
    title: 'a status that means failure ends the start at once',
    needs: ['failedStatus'],
    check: async (subject) => {
      const status = subject.type.health.failedStatus?.[0];
      await Life.live(subject, { flags: ['--never-ready', `--loading-status=${status}`] }, async (life) => {
        const error = await life.failedStart();
        mustHaveFailed(life, error, 1);
      });
    },
  },
  {
    id: 'life.exits-while-loading',
    title: 'an engine that ends while it loads has failed, with its last words and its exit code',
    check: live(
      { flags: ['--exit-before-ready', '--exit-code=3', '--die-with=these are my last words'] },
      async (life) => {
        const error = await life.failedStart();
        mustHaveFailed(life, error, 1);
        const { failure } = life.view;
        must(failure?.exitCode === 3, `its exit code is said to be ${failure?.exitCode}`);
        must(failure.log.includes('these are my last words'), `its last words are said to be ${shown(failure.log)}`);
      },
    ),
  },
  {
    id: 'life.exits-with-zero',
    title: 'an engine that ends while it loads has failed even with exit code 0',
    check: live({ flags: ['--exit-before-ready', '--exit-code=0'] }, async (life) => {
      const error = await life.failedStart();
      mustHaveFailed(life, error, 1);
    }),
  },
  {
    id: 'life.port-taken',
    title: 'a port that is taken in between is left for another',
    check: async (subject) => {
      const stranger = createServer((_, response) => void response.end('a stranger'));
      const onLaunch: LifeOptions['onLaunch'] = async ({ port }) => {
        if (!stranger.listening) await once(stranger.listen(port, '127.0.0.1'), 'listening');
      };
      try {
        await Life.live(subject, { onLaunch }, async (life) => {
          await life.ready();
          must(life.launches.length === 2, `it was started ${life.launches.length} times`);
          must(life.launches[0]?.port !== life.view.port, 'it was started on the same port again');
        });
      } finally {
        stranger.closeAllConnections();
        stranger.close();
      }
    },
  },
  {
    id: 'life.deaf',
    title: 'an engine that is deaf to signals is killed when its graces have passed',
    check: live({ flags: ['--deaf'] }, async (life) => {
      await life.ready();
      const { pid } = life.view;
      await life.worker.process.stop({ now: true });
      must(await life.isGone(pid ?? 0), 'its process still runs');
      must(/got SIG(TERM|INT)/.test(await life.log()), 'it was not asked before it was killed');
    }),
  },
  {
    id: 'life.forks',
    title: 'what the engine has forked ends with it, deaf or not',
    check: live({ flags: ['--fork-child', '--deaf'] }, async (life) => {
      await life.ready();
      const child = await life.childPid();
      await life.worker.process.stop({ now: true });
      must(await life.isGone(child), 'its child still runs');
    }),
  },
  {
    id: 'life.flood',
    title: 'an engine that floods its log becomes ready, and is stopped',
    check: live({ flags: ['--flood'] }, async (life) => {
      await life.ready();
      await life.worker.process.stop({ now: true });
      mustBe(life, 'stopped');
    }),
  },
  {
    id: 'life.half-stream',
    title: 'a stream that breaks off in the middle does not end the worker',
    needs: ['posts'],
    check: live({ flags: ['--half-stream'] }, async (life) => {
      await life.ready();
      const whole = await life
        .ask({ stream: true })
        .then(
          (response) => response.text().then(() => true),
          () => false,
        )
        .catch(() => false);
      must(!whole, 'the stream looks whole');
      await life.until(async () => (await life.counters()).running === 0, 'the request to end');
      mustBe(life, 'ready');
    }),
  },
  {
    id: 'life.silent-stream',
    title: 'a stream that falls silent in the middle does not end the worker, and is let go with its client',
    needs: ['posts'],
    check: live({ flags: ['--silent-stream'] }, async (life) => {
      await life.ready();
      const leaving = new AbortController();
      const reader = await readUpTo(await life.ask({ stream: true }, leaving.signal), 'token4');
      must((await life.counters()).running === 1, 'the request is not counted as running');
      leaving.abort();
      await reader.cancel().catch(() => {});
      await life.until(async () => (await life.counters()).running === 0, 'the request to end');
      mustBe(life, 'ready');
    }),
  },
  {
    id: 'life.client-leaves',
    title: 'a client that leaves in the middle of a stream is noticed',
    needs: ['posts'],
    check: live({ flags: ['--endless', '--token-interval=5'] }, async (life) => {
      await life.ready();
      const leaving = new AbortController();
      const reader = await readUpTo(await life.ask({ stream: true }, leaving.signal), 'token2');
      leaving.abort();
      await reader.cancel().catch(() => {});
      await life.until(async () => (await life.counters()).cancelled === 1, 'the cancellation');
      must((await life.counters()).running === 0, 'the request still runs');
    }),
  },
  {
    id: 'life.load',
    title: 'a hive sees in its metrics how many requests run',
    needs: ['load', 'posts'],
    check: live({ flags: ['--endless', '--token-interval=5'] }, async (life) => {
      await life.ready();
      const leaving = new AbortController();
      const running = async () => {
        await life.worker.measureLoad(leaving.signal);
        return life.worker.view().running;
      };
      must((await running()) === 0, `at rest, ${life.worker.view().running} requests are said to run`);
      const answer = await life.ask({ stream: true }, leaving.signal);
      await readUpTo(answer, 'token1');
      must((await running()) === 1, `with one request, ${life.worker.view().running} are said to run`);
      leaving.abort();
    }),
  },
  {
    id: 'life.drains',
    title: 'a stop lets a running request end first',
    needs: ['load', 'posts'],
    check: live({ flags: ['--token-interval=20'] }, async (life) => {
      await life.ready();
      const answer = await life.ask({ stream: true, max_tokens: 10 });
      const text = answer.text();
      // It may be cut short before anybody waits for it: a failed check, and not the end of the examination.
      text.catch(() => {});
      await life.worker.process.stop();
      must((await text).includes('token10'), 'the request was cut short');
      mustBe(life, 'stopped');
    }),
  },
  {
    id: 'life.crash',
    title: 'an engine that crashes is started again, with what it had forked ended',
    check: live({ flags: ['--fork-child', '--deaf'] }, async (life) => {
      await life.ready();
      const [{ pid }, child] = [life.view, await life.childPid()];
      process.kill(pid ?? 0, 'SIGKILL');
      await life.until(() => life.view.state === 'ready' && life.view.pid !== pid, 'a restart');
      must(life.view.restarts === 1, `${life.view.restarts} restarts are counted`);
      must(await life.isGone(child), 'a child of the crashed process still runs');
    }),
  },
  {
    id: 'life.crash-never',
    title: 'an engine that crashes and is not to be restarted has failed, and says why',
    check: live({ restart: 'never', flags: ['--exit-code=9', '--die-with=a crash of the examiner'] }, async (life) => {
      await life.ready();
      process.kill(life.view.pid ?? 0, 'SIGUSR2');
      const failure = await life.until(() => life.view.failure, 'a failure');
      mustBe(life, 'failed');
      must(failure.exitCode === 9, `its exit code is said to be ${failure.exitCode}`);
      must(failure.message !== '' && failure.hint !== '', 'nothing says what happened and what to try');
    }),
  },
  {
    id: 'life.adopted',
    title: 'when its hive dies it lives on, and the next hive goes on with it',
    check: live({}, async (life) => {
      await life.ready();
      const { pid, port } = life.view;
      must(await life.changeOwner(), 'it was not found again');
      mustBe(life, 'ready');
      must(life.view.pid === pid && life.view.port === port, 'it is another process now');
      await life.worker.process.stop({ now: true });
      must(await life.isGone(pid ?? 0), 'its process still runs');
    }),
  },
  {
    id: 'life.adopted-while-loading',
    title: 'when its hive dies while it loads, the next hive waits until it is ready',
    check: live({ flags: ['--ready-after=500'] }, async (life) => {
      const started = life.begin();
      const pid = await started.until(() => (life.view.state === 'loading' ? life.view.pid : null), 'loading');
      await life.until(async () => (await life.log()).includes('listening on'), 'the engine to listen');
      must(await life.changeOwner(), 'it was not found again');
      await started.done.catch(() => {});
      await life.ready();
      must(life.view.pid === pid, 'it is another process now');
    }),
  },
  {
    id: 'life.adopted-dead',
    title: 'when it dies while no hive is there, the next hive starts it again',
    check: live({}, async (life) => {
      await life.ready();
      const pid = life.view.pid ?? 0;
      const found = await life.changeOwner(async () => {
        process.kill(pid, 'SIGKILL');
        await life.until(() => life.isGone(pid), 'the process to end');
      });
      must(!found, 'a dead process was taken for living');
      await life.until(() => life.view.state === 'ready' && life.view.pid !== pid, 'a restart');
    }),
  },
] as const satisfies readonly Check[];
