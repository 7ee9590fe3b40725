/** How a worker is asked to end, to sleep and to wake. */

import { assert, shown } from '../assert.ts';
import type { Check } from '../check.ts';

const longestMs = 120_000;

export const stopChecks = [
  {
    id: 'stop.ladder',
    title: 'it is asked with one to five signals, each with its grace',
    needs: ['stop'],
    check: ({ type: { stop } }) => {
      const signals = stop?.signals ?? [];
      assert(signals.length >= 1 && signals.length <= 5, `there are ${signals.length} signals`);
      for (const { signal, graceMs } of signals) {
        assert(signal === 'SIGTERM' || signal === 'SIGINT', `it may not be asked with ${shown(signal)}`);
        assert(Number.isInteger(graceMs) && graceMs >= 0, `a grace of ${shown(graceMs)} ms`);
      }
    },
  },
  {
    id: 'stop.patience',
    title: 'its graces together are two minutes at most',
    needs: ['stop'],
    check: ({ type: { stop } }) => {
      const sum = (stop?.signals ?? []).reduce((total, { graceMs }) => total + graceMs, 0);
      assert(sum <= longestMs, `stopping it can take ${sum / 1000} s`);
    },
  },
  {
    id: 'stop.sleep',
    title: 'what can be put to sleep can be woken, by requests to absolute paths',
    needs: ['sleep'],
    check: ({ type: { stop } }) => {
      assert(stop?.sleep && stop.wake, 'sleep and wake come together');
      for (const { method, path } of [stop.sleep, stop.wake])
        assert(method === 'POST' && /^\/\S*$/.test(path), `${shown({ method, path })} is no request`);
    },
  },
  {
    id: 'stop.sleep-option',
    title: 'the option that its sleep needs is one of its own, true or false',
    needs: ['sleep'],
    check: ({ type: { stop, options } }) => {
      const option = stop?.sleep?.option;
      if (option === undefined) return;
      assert(options?.properties[option]?.type === 'boolean', `it has no such option: ${shown(option)}`);
    },
  },
] as const satisfies readonly Check[];
