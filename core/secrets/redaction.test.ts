import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Redactor } from './redaction.ts';

const redactor = (values: Record<string, string>) => new Redactor(() => Object.entries(values));

test('values are replaced by their names in any context', () => {
  const { text } = { text: (it: string) => redactor({ one: 'abcd', two: 'x+y.z*' }).text(it) };
  assert.equal(text('abcd and TOKEN=x+y.z*; abcdabcd'), 'secret:one and TOKEN=secret:two; secret:onesecret:one');
  assert.equal(text('abc xyyz'), 'abc xyyz');
});

test('a value is replaced completely even if it starts with another value', () => {
  assert.equal(redactor({ short: 'abcd', long: 'abcdef' }).text('abcdef abcde'), 'secret:long secret:shorte');
});

test('a value is found in its JSON and URL forms', () => {
  const value = 'a"b\\c/d é';
  const { data } = { data: (it: unknown) => redactor({ key: value }).data(it) };
  assert.equal(data(JSON.stringify({ token: value })), '{"token":"secret:key"}');
  assert.equal(data(`https://a/?token=${encodeURIComponent(value)}`), 'https://a/?token=secret:key');
});

test('plain data is redacted at every depth, and keys stay', () => {
  const data = { abcd: ['abcd', { deep: 'my abcd', count: 3, none: null }] };
  assert.deepEqual(redactor({ one: 'abcd' }).data(data), {
    abcd: ['secret:one', { deep: 'my secret:one', count: 3, none: null }],
  });
});

test('values too short to be distinctive are not redacted', () => {
  assert.equal(redactor({ one: 'abc' }).text('abc'), 'abc');
});

test('changed values take effect at once', () => {
  const values: [string, string][] = [];
  const changing = new Redactor(() => values);
  assert.equal(changing.text('abcd'), 'abcd');
  values.push(['one', 'abcd']);
  assert.equal(changing.text('abcd'), 'secret:one');
});

test('a stream holds back only text that may become a value', () => {
  const stream = redactor({ one: 'abcd', two: 'bcx!' }).stream();
  assert.deepEqual(
    ['ready\n', 'my a', 'b', 'cd.', 'ab', 'cx! ab'].map((piece) => stream.push(piece)),
    ['ready\n', 'my ', '', 'secret:one.', '', 'asecret:two '],
  );
  assert.equal(stream.end(), 'ab');
});

test('however a text is split, the output is the same and contains no value', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\n'), minLength: 4, maxLength: 8 });
  const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\n'), maxLength: 12 }), { maxLength: 12 });
  fc.assert(
    fc.property(letters, pieces, (value, given) => {
      const one = redactor({ one: value });
      const stream = one.stream();
      const shown = given.map((piece) => stream.push(piece)).join('') + stream.end();
      assert.equal(shown, one.text(given.join('')));
      assert.ok(!shown.includes(value));
    }),
  );
});
