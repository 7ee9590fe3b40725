import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createStopGate } from './stop-strings.ts';

/** The visible text of the pieces, and whether a stop string was found. */
const through = (stops: string[], ...pieces: string[]) => {
  const gate = createStopGate(stops);
  const shown: string[] = [];
  for (const piece of pieces) {
    if (!gate.stopped) shown.push(gate.push(piece));
  }
  return { shown: shown.join('') + gate.end(), stopped: gate.stopped };
};

describe('a stop gate', () => {
  it('passes everything through if there is no stop string', () => {
    assert.deepEqual(through([], 'a', 'b'), { shown: 'ab', stopped: false });
    assert.deepEqual(through([''], 'a', 'b'), { shown: 'ab', stopped: false });
  });

  it('ends before a stop string, within one piece or across several', () => {
    assert.deepEqual(through(['END'], 'one END two'), { shown: 'one ', stopped: true });
    assert.deepEqual(through(['END'], 'one E', 'N', 'D two'), { shown: 'one ', stopped: true });
  });

  it('releases text that only looked like the start of one', () => {
    assert.deepEqual(through(['END'], 'EE', 'NE', 'N'), { shown: 'EENEN', stopped: false });
    assert.deepEqual(through(['aab'], 'a', 'a', 'a', 'b'), { shown: 'a', stopped: true });
  });

  it('ends at the one that comes first in the text', () => {
    assert.deepEqual(through(['two', 'one'], 'a one two'), { shown: 'a ', stopped: true });
  });
});
