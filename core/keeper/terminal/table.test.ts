import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { textWidth } from '../../narration/text.ts';
import { type Column, formatPairs, formatTable } from './table.ts';

const terminal = { width: Number.POSITIVE_INFINITY, rows: 24, live: false, colour: false, unicode: true };
const columns: Column<{ name: string; size: string }>[] = [
  { title: 'NAME', value: (row) => row.name, flexible: true, style: () => 'red' },
  { title: 'SIZE', value: (row) => row.size, align: 'right' },
];

describe('tables', () => {
  it('align their columns by visible width, not by bytes', () => {
    const text = formatTable(
      [
        { name: '日本', size: '1' },
        { name: 'bee', size: '100' },
      ],
      columns,
      terminal,
    );
    assert.equal(text, 'NAME  SIZE\n日本     1\nbee    100\n');
  });

  it('cut only the flexible columns when the terminal is too narrow', () => {
    const text = formatTable([{ name: 'a-very-long-name', size: '12345' }], columns, { ...terminal, width: 17 });
    assert.equal(text, 'NAME         SIZE\na-very-lo…  12345\n');
  });

  it('escape control characters in data', () => {
    const text = formatTable([{ name: 'a\u001b[2Jb\nc', size: '1' }], columns, terminal);
    assert.ok(text.includes('a\\x1b[2Jb\\nc'));
    assert.equal(text.split('\n').length, 3);
  });

  it('have the same width with and without colours', () => {
    const row = { name: 'bee', size: '1' };
    const coloured = formatTable([row], columns, { ...terminal, colour: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with ESC
    const bare = coloured.replace(/\u001b\[\d+m/g, '');
    assert.equal(bare, formatTable([row], columns, terminal));
    assert.notEqual(coloured, bare);
    assert.equal(textWidth(bare.split('\n')[0] ?? ''), 10);
  });
});

describe('pairs', () => {
  it('omit unknown values', () => {
    assert.equal(
      formatPairs(
        [
          ['pid', '12'],
          ['port', null],
          ['model', 'x'],
        ],
        terminal,
      ),
      'pid    12\nmodel  x\n',
    );
  });
});
