/** How a worker is stopped, put to sleep and woken. */

import { assert, shown } from '../assert.ts';
import type { Check } from '../check.ts';

const maxStopMs = 120_000;

export const stopChecks = [
  {
    id: 'stop.ladder',
    title: 'it is stopped with one to five signals, each with a grace period',
    needs: ['stop'],
    check: ({ type: { stop } }) => {
      const signals = stop?.signals ?? [];
      assert(signals.length >= 1 && signals.length <= 5, `there are ${signals.length} signals`);
      for (const { signal, graceMs } of signals) {
        assert(signal === 'SIGTERM' || signal === 'SIGINT', `it cannot be stopped with ${shown(signal)}`);
        assert(Number.isInteger(graceMs) && graceMs >= 0, `a grace period of ${shown(graceMs)} ms`);
      }
    },
  },
  {
    id: 'stop.patience',
    title: 'its grace periods are at most two minutes in total',
    needs: ['stop'],
    check: ({ type: { stop } }) => {
      const sum = (stop?.signals ?? []).reduce((total, { graceMs }) => total + graceMs, 0);
      assert(sum <= maxStopMs, `stopping it can take ${sum / 1000} s`);
    },
  },
  {
    id: 'stop.sleep',
    title: 'if it can sleep, it can be woken, and both requests have absolute paths',
    needs: ['sleep'],
    check: ({ type: { stop } }) => {
      assert(stop?.sleep && stop.wake, 'sleep and wake come together');
      for (const { method, path } of [stop.sleep, stop.wake])
        assert(method === 'POST' && /^\/\S*$/.test(path), `${shown({ method, path })} is not a valid request`);
    },
  },
  {
    id: 'stop.sleep-option',
    title: 'the option that its sleep needs is one of its options, and is true or false',
    needs: ['sleep'],
    check: ({ type: { stop, options } }) => {
      const option = stop?.sleep?.option;
      if (option === undefined) return;
      assert(options?.properties[option]?.type === 'boolean', `it has no such option: ${shown(option)}`);
    },
  },
] as const satisfies readonly Check[];
