import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jsonForPeople, printable, printableData, printableJson } from './printable.ts';
import { PrintableStream } from './printable-stream.ts';
import { recorder } from './testing.ts';

/** Clipboard, screen, colour by C1, NUL, line ends, directions, separators, invisible letters, half a pair. */
const hostile =
  'a\u001b]52;c;aGFjaw==\u0007\u001b[2J\u009b31m\u0000\u007f\r\n\t\u202e\u2066\u200f\u061c\u2028\ufeff\u00ad\u{e0041}\ud800z';
const writtenOut =
  'a\\x1b]52;c;aGFjaw==\\x07\\x1b[2J\\u009b31m\\x00\\x7f\\r\\n\\t\\u202e\\u2066\\u200f\\u061c\\u2028\\ufeff\\u00ad\\u{e0041}\\ud800z';

describe('text from outside', () => {
  it('has everything escaped that controls the terminal, or hides or ends a line', () => {
    assert.equal(printable(hostile), writtenOut);
    assert.equal(printable(printable(hostile)), writtenOut);
  });

  it('keeps its lines and tabs if it may have several lines', () => {
    assert.equal(printable('a\r\n\tb\rc\u001b[1A', { multiline: true }), 'a\n\tb\\rc\\x1b[1A');
  });

  it('is unchanged in every script and emoji', () => {
    const scotland = '\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}';
    for (const text of [
      'bjørn',
      '日本語',
      'می\u200cخواهم',
      '👩\u200d🚀',
      '❤\ufe0f',
      'e\u0301',
      scotland,
      '\u0600\u0661',
    ]) {
      assert.equal(printable(text), text);
      assert.equal(JSON.parse(printableJson(text)), text);
    }
  });

  it('is also escaped in the keys of objects, and ASCII without controls is not copied', () => {
    const dirty = JSON.parse(JSON.stringify({ list: [{ [hostile]: hostile }], __proto__: 1 }));
    assert.deepEqual(printableData(dirty), { list: [{ [writtenOut]: writtenOut }] });
    const proto = printableData(JSON.parse('{"__proto__":{"x":"\\u001b"}}'));
    assert.deepEqual(Object.keys(proto), ['__proto__']);
    assert.equal(({} as { x?: string }).x, undefined);
    const fine = { a: ['b', 1, null], c: { d: 'e' } };
    assert.equal(printableData(fine), fine);
    assert.deepEqual(printableData({ a: ['é'] }), { a: ['é'] });
  });
});

describe('JSON', () => {
  it('means the same and has no control character', () => {
    const value = { [hostile]: [hostile, { deep: hostile }], line: '"quoted" \\ back' };
    for (const indent of [undefined, 2]) {
      const json = printableJson(value, indent);
      assert.deepEqual(JSON.parse(json), value);
      assert.doesNotMatch(json, /[^\n\x20-\x7e]/);
    }
    assert.equal(printableJson(undefined), 'null');
  });

  it('inside a line for people has single backslashes', () => {
    assert.equal(jsonForPeople(printableData({ stop: '\n\u001b' })), '{"stop":"\\n\\x1b"}');
  });
});

describe('text in pieces', () => {
  it('comes out the same wherever it is cut', () => {
    const text = 'one\r\ntwo \u{1f41d}\u001b[1;31mred\u001b[0m\u001b[2Jend\r';
    for (const dropStyles of [true, false]) {
      const whole = new PrintableStream({ dropStyles });
      const expected = whole.push(text) + whole.end();
      assert.equal(expected.includes('red\\x1b[0m'), !dropStyles);
      for (let at = 0; at <= text.length; at++) {
        const stream = new PrintableStream({ dropStyles });
        assert.equal(stream.push(text.slice(0, at)) + stream.push(text.slice(at)) + stream.end(), expected);
      }
    }
  });

  it('is not held back indefinitely', () => {
    const stream = new PrintableStream({ dropStyles: true });
    assert.match(stream.push(`\u001b[${'1;'.repeat(100)}`), /^\\x1b\[1;1;/);
  });
});

describe('a screen', () => {
  it('passes on only the styles of rbee, even if a caller forgot to escape something', () => {
    const screen = recorder(false);
    screen.write('\u001b[31mred\u001b[39m \u001b[2J\u001b[8mhidden\u001b[38;5;1m\u001b]0;x\u0007\r\n');
    assert.equal(screen.written, '\u001b[31mred\u001b[39m \\x1b[2J\\x1b[8mhidden\\x1b[38;5;1m\\x1b]0;x\\x07\n');
  });

  it('shows data on the lines of a view, without colours of its own', () => {
    const screen = recorder(false);
    screen.show({ id: 'w\r\nerror: forged', state: '\u001b[31m' }, ({ id, state }) => `${id} is ${state}\n`);
    screen.line('deleted \u001b[31mx\ny');
    assert.equal(screen.written, 'w\\r\\nerror: forged is \\x1b[31m\ndeleted \\x1b[31mx\\ny\n');
  });
});
