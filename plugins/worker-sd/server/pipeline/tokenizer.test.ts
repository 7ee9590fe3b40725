import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { colours } from '../../demo/colours.ts';
import { tinyTokenizer } from '../../demo/tiny-tokenizer.ts';
import { writeModel } from '../../demo/write-model.ts';
import { loadTokenizer } from './tokenizer.ts';

const folder = mkdtempSync(join(tmpdir(), 'rbee-tokenizer-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const { files, vocabulary } = tinyTokenizer();
const write = (name: string, more: Record<string, string> = {}) => {
  writeModel(
    join(folder, name),
    new Map(Object.entries({ ...files, ...more }).map(([path, text]) => [path, Buffer.from(text)])),
  );
  return join(folder, name);
};
const plain = loadTokenizer(write('plain'));
const names = new Map(Object.entries(vocabulary).map(([token, id]) => [id, token]));
const start = vocabulary['<|startoftext|>']!;
const end = vocabulary['<|endoftext|>']!;

/** The tokens between start and end, as text. */
const pieces = (text: string) => {
  const { ids } = plain.encode(text);
  return ids.slice(1, ids.indexOf(end)).map((id) => names.get(id));
};

describe("CLIP's tokenizer", () => {
  it('returns 77 tokens: start, text, end, and padding', () => {
    const { ids, cutOff } = plain.encode('red');
    assert.equal(ids.length, 77);
    assert.deepEqual(ids.slice(0, 4), [start, vocabulary['red</w>'], end, end]);
    assert.ok(!cutOff);
    assert.deepEqual(plain.encode('').ids, [start, ...Array(76).fill(end)]);
  });

  it('has one token for each colour of the demo model, whatever is beside it', () => {
    for (const colour of Object.keys(colours)) {
      assert.deepEqual(pieces(`${colour}`), [`${colour}</w>`]);
      assert.deepEqual(pieces(` ${colour.toUpperCase()},\n${colour}`), [`${colour}</w>`, ',</w>', `${colour}</w>`]);
    }
  });

  it('splits words, punctuation and single digits, and anything else into bytes', () => {
    assert.deepEqual(pieces("don't"), ['d', 'o', 'n</w>', "'", 't</w>']);
    assert.deepEqual(pieces('42!?'), ['4</w>', '2</w>', '!', '?</w>']);
    assert.equal(pieces('ü').length, 2);
    assert.equal(pieces('你').length, 3);
  });

  it('cuts a long text, reports it, and still adds the end token', () => {
    const { ids, cutOff } = plain.encode('x '.repeat(76));
    assert.deepEqual([ids.length, ids.at(-1), cutOff], [77, end, true]);
    assert.ok(!plain.encode('x '.repeat(75)).cutOff);
  });

  it('pads as its files say', () => {
    const special = { ...JSON.parse(files['special_tokens_map.json']!), pad_token: { content: '!' } };
    const other = loadTokenizer(write('other', { 'special_tokens_map.json': JSON.stringify(special) }));
    assert.equal(other.encode('red').ids.at(-1), vocabulary['!']);
  });

  it('says what is missing', () => {
    assert.throws(() => loadTokenizer(join(folder, 'none')), /neither tokenizer\.json nor vocab\.json/);
    const broken = write('broken');
    writeFileSync(join(broken, 'vocab.json'), '{"a": 1}');
    assert.throws(() => loadTokenizer(broken), /the token <\|startoftext\|>/);
  });
});
