import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHivesConf } from '../../config/hives-conf.ts';
import { targetOf } from './targets.ts';

const targets = (text: string) => {
  const { hives } = parseHivesConf(text, 'hives.conf');
  return Object.fromEntries(hives.map((hive) => [hive.alias, targetOf(hive, hives)]));
};

test('ssh decides what a declaration omits', () => {
  assert.deepEqual(targets('[[hive]]\nalias = "pi"\n'), { pi: { alias: 'pi', hostname: 'pi' } });
});

test('a jump by alias uses the address and key of that machine, and its own jumps', () => {
  const { far } = targets(`
[[hive]]
alias = "door"
hostname = "door.example.com"
ssh_user = "guard"
ssh_port = 2222
identity_file = "/keys/door"
[[hive]]
alias = "lab"
proxy_jump = "door"
[[hive]]
alias = "far"
proxy_jump = "lab,ann@[fe80::1]:22022"
`);
  assert.deepEqual(far?.jumps, [
    { alias: 'door', hostname: 'door.example.com', user: 'guard', port: 2222, identityFile: '/keys/door' },
    { alias: 'lab', hostname: 'lab' },
    { alias: 'fe80::1', hostname: 'fe80::1', user: 'ann', port: 22022 },
  ]);
});

test('a declaration can disable the jumps that ssh is configured to make', () => {
  assert.deepEqual(targets('[[hive]]\nalias = "pi"\nproxy_jump = "none"\n')['pi']?.jumps, []);
});
