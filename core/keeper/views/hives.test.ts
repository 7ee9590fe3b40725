import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HiveView } from '../../contract/api/queen-api.ts';
import { isOlder } from '../version-order.ts';
import { formatHiveStatus, formatHives } from './hives.ts';

const terminal = { width: Number.POSITIVE_INFINITY, rows: 24, live: false, colour: false, unicode: true };
const now = Date.parse('2026-01-01T00:10:00Z');
const hive = (change: Partial<HiveView>): HiveView => ({
  alias: 'gpu-1',
  hostname: 'gpu-1.lan',
  status: 'online',
  since: '2026-01-01T00:00:00Z',
  reason: null,
  mode: 'ssh',
  pid: 7,
  version: '0.2.0',
  devices: [],
  memory: null,
  cpu: null,
  workers: 0,
  types: [],
  labels: {},
  ...change,
});

describe('hives on other machines', () => {
  it('show since when they cannot be reached, and why', () => {
    const text = formatHives([hive({ status: 'unreachable', reason: 'no route to host' })], terminal, { now });
    assert.ok(text.endsWith('\n\ngpu-1: unreachable for 10 min: no route to host\n'), text);
  });

  it('show that they are older than the command line, with the command that updates them', () => {
    const options = { now, ours: '0.3.0' };
    const noteOf = (change: Partial<HiveView>) => formatHives([hive(change)], terminal, options).split('\n\n')[1];
    const older = 'runs rbee 0.2.0, older than this 0.3.0; update it with:';
    assert.equal(noteOf({}), `gpu-1: ${older} rbee sync --hive gpu-1\n`);
    assert.equal(noteOf({ alias: 'local', mode: 'local' }), `local: ${older} rbee hive restart local\n`);
    assert.equal(noteOf({ alias: 'local', mode: 'attached' }), `local: ${older} rbee queen restart\n`);
    assert.equal(noteOf({ version: '0.3.0' }), undefined);
    assert.equal(noteOf({ version: null }), undefined);
    assert.match(formatHiveStatus(hive({}), terminal, '0.3.0', now), /for 10 min\)\ngpu-1: runs rbee 0\.2\.0, older/);
  });
});

describe('the order of versions', () => {
  it('is numeric, puts pre-releases before their release, and ignores unknown formats', () => {
    for (const [one, two] of [
      ['0.9.9', '0.10.0'],
      ['1.0.0', '2.0.0'],
      ['1.2.3-rc.1', '1.2.3'],
    ] as const) {
      assert.ok(isOlder(one, two), `${one} < ${two}`);
      assert.ok(!isOlder(two, one), `${two} > ${one}`);
    }
    assert.ok(!isOlder('1.2.3', '1.2.3'));
    assert.ok(!isOlder('unknown', '1.2.3'));
    assert.ok(!isOlder('0.1.0', 'development'));
  });
});
