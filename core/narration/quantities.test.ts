import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatAge, formatBytes, formatDuration, parseBytes } from './quantities.ts';

describe('quantities', () => {
  it('formats sizes in binary units', () => {
    assert.deepEqual([0, 1023, 1536, 24 * 1024 ** 3].map(formatBytes), ['0 B', '1023 B', '1.5 KiB', '24 GiB']);
  });

  it('formats times in the units that people would choose', () => {
    const times = [0.4, 850, 1234, 59_960, 184_000, 7_500_000, 266_400_000].map(formatDuration);
    assert.deepEqual(times, ['0 ms', '850 ms', '1.2 s', '1 min', '3 min 4 s', '2 h 5 min', '3 d 2 h']);
  });

  it('formats ages in one unit', () => {
    const at = '2026-01-01T00:00:00Z';
    const after = (seconds: number) => formatAge(at, Date.parse(at) + seconds * 1000);
    assert.deepEqual([after(12), after(300), after(90_000), after(200_000)], ['12 s', '5 min', '25 h', '2 d']);
    assert.equal(after(-5), '0 s', 'no age is negative after the clock was set back');
  });

  it('parses sizes with binary and decimal units, and refuses everything else', () => {
    assert.equal(parseBytes('4GiB'), 4 * 1024 ** 3);
    assert.equal(parseBytes('1.5 MiB'), 1.5 * 1024 ** 2);
    assert.equal(parseBytes('4G'), 4e9);
    assert.equal(parseBytes('512'), 512);
    for (const wrong of ['', 'lots', '4X', '-1', '1e9']) assert.equal(parseBytes(wrong), undefined);
  });
});
