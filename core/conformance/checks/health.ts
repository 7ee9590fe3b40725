/** How a hive learns that a worker is loading, ready, or broken. */
import type { ResolvedType } from '../../contract/worker-type/resolved-type.ts';
import { assert, attempt, shown } from '../assert.ts';
import type { Check } from '../check.ts';
import { plainProblem } from '../plain.ts';
import { progressLine } from '../progress-line.ts';
import { slowLine } from '../regex-speed.ts';

const isPath = (path: unknown): boolean => typeof path === 'string' && /^\/[^\s?#]*(\?[^\s#]*)?$/.test(path);

interface Pattern {
  name: string;
  pattern: string;
  example: string;
}

const patternsOf = ({ health: { ready, progressPattern: pattern, progressExample: example = '' } }: ResolvedType) => {
  const patterns: Pattern[] = ready.mode === 'log' ? [{ name: 'ready.pattern', ...ready }] : [];
  return pattern === undefined ? patterns : [...patterns, { name: 'progressPattern', pattern, example }];
};

export const healthChecks = [
  {
    id: 'health.path',
    title: 'the polled path is absolute',
    needs: ['poll'],
    check: ({ type: { health } }) =>
      assert(health.ready.mode !== 'poll' || isPath(health.ready.path), `health.ready is ${shown(health.ready)}`),
  },
  {
    id: 'health.statuses',
    title: 'its statuses are HTTP statuses, and none means both loading and failed',
    check: ({ type: { health } }) => {
      const { loadingStatus = [503], failedStatus = [] } = health;
      for (const status of [...loadingStatus, ...failedStatus])
        assert(Number.isInteger(status) && status >= 100 && status <= 599, `${shown(status)} is not an HTTP status`);
      const both = loadingStatus.filter((status) => failedStatus.includes(status));
      assert(both.length === 0, `${both.join(', ')} means both loading and failed`);
      assert(!failedStatus.some((status) => status >= 200 && status < 300), 'a 2xx status means failure');
    },
  },
  {
    id: 'health.patterns',
    title: 'its patterns compile, and match their example but not an empty line',
    check: ({ type }) => {
      for (const { name, pattern, example } of patternsOf(type)) {
        const search = attempt(name, () => new RegExp(pattern));
        assert(!search.test(''), `${name} matches an empty line`);
        assert(search.test(example), `${name} does not match its example ${shown(example)}`);
      }
    },
  },
  {
    id: 'health.patterns-fast',
    title: 'no log line makes its patterns slow',
    check: ({ type }) => {
      for (const { name, pattern, example } of patternsOf(type))
        assert(slowLine(new RegExp(pattern), example) === null, `${name} is very slow on some lines: ${pattern}`);
    },
  },
  {
    id: 'health.progress',
    title: 'its progress pattern has a group "percent" that reads 0 to 100',
    needs: ['progress'],
    check: ({ type: { health } }) => {
      const pattern = health.progressPattern ?? '';
      for (const percent of ['0', '42', '100']) {
        const line = progressLine(health, percent);
        assert(line !== undefined, 'progressPattern reads no percentage from progressExample');
        const read = new RegExp(pattern).exec(line)?.groups?.['percent'];
        assert(Number(read) === Number(percent), `progressPattern reads ${shown(read)} instead of ${percent}`);
      }
    },
  },
  {
    id: 'health.deadline',
    title: 'a start without progress is abandoned after 5 seconds to an hour',
    check: ({ type: { health } }) => {
      const { progressDeadlineMs = 300_000 } = health;
      assert(progressDeadlineMs >= 5_000 && progressDeadlineMs <= 3_600_000, `it is ${progressDeadlineMs} ms`);
    },
  },
  {
    id: 'health.live',
    title: 'the paths of the cheap and the deep check are absolute',
    check: ({ type: { health } }) => {
      for (const check of [health.live, health.deep])
        assert(check === undefined || isPath(check.path), `${shown(check)} has no absolute path`);
    },
  },
  {
    id: 'health.deep',
    title: 'a deep check comes with a cheap one, and its body is plain data',
    check: ({ type: { health } }) => {
      if (health.deep === undefined) return;
      assert(
        health.live !== undefined || health.ready.mode === 'poll',
        'the deep check never runs without a cheap one',
      );
      const problem = plainProblem(health.deep.body, 'health.deep.body');
      assert(problem === undefined, String(problem));
    },
  },
] as const satisfies readonly Check[];
