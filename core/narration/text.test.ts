import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutText, terminalOf, textWidth } from './text.ts';

describe('text on a terminal', () => {
  it('counts wide characters as two columns and combining ones as none', () => {
    assert.equal(textWidth('abc'), 3);
    assert.equal(textWidth('日本'), 4);
    assert.equal(textWidth('e\u0301'), 1);
    assert.equal(textWidth('🐝'), 2);
  });

  it('cuts to the given columns and never splits a wide character', () => {
    assert.equal(cutText('abcdef', 4, { unicode: true }), 'abc…');
    assert.equal(cutText('日本語', 4, { unicode: true }), '日…');
    assert.equal(cutText('abc', 3, { unicode: true }), 'abc');
    assert.equal(cutText('abcdef', 4, { unicode: false }), 'abc~');
    assert.equal(cutText('abc', 0, { unicode: true }), '');
  });

  it('shows colours on a terminal unless NO_COLOR is set, and in a pipe only if FORCE_COLOR asks', () => {
    const tty = { isTTY: true, columns: 80 };
    assert.equal(terminalOf(tty, {}).colour, true);
    assert.equal(terminalOf(tty, { NO_COLOR: '1' }).colour, false);
    assert.equal(terminalOf(tty, { TERM: 'dumb' }).live, false);
    assert.equal(terminalOf({}, {}).colour, false);
    assert.equal(terminalOf({}, { FORCE_COLOR: '1' }).colour, true);
    assert.equal(terminalOf({}, {}).width, Number.POSITIVE_INFINITY);
  });
});
