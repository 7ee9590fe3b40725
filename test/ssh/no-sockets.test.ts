/** An sshd that forwards no unix sockets: the hive is reached on its loopback port, which requires its token. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFleet } from '../harness/fleet.ts';
import { cannot } from '../harness/machines.ts';

test('a hive whose sshd forwards no sockets is reached on its port, which requires a token', {
  skip: cannot('network'),
}, async (t) => {
  const fleet = await createFleet({ hosts: [{ name: 'strict', sshd: ['AllowStreamLocalForwarding no'] }] });
  t.after(() => fleet.close());
  fleet.declare('[[hive]]\nalias = "strict"\nhive_port = 8777\nrun = [{ type = "ticker", name = "tick" }]\n');
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.equal((await fleet.home.json(['hive', 'get', 'strict'])).status, 'online');
  const answer = await fleet.home.rbee(['infer', '-m', 'tick', 'Hello']);
  assert.equal(answer.code, 0, answer.stderr);
  const node = '$HOME/.local/share/rbee/runtimes/*/bin/node';
  const ask = `fetch("http://127.0.0.1:8777/v1/state").then(async (r) => console.log(r.status, (await r.text()).slice(0, 80)))`;
  const stranger = await fleet.machines.host('strict').run(`${node} -e '${ask}'`);
  assert.match(stranger.stdout, /^403 .*PERMISSION_DENIED/);
  // After a kill, the queen finds the hive again without a prompt.
  await fleet.home.rbee(['queen', 'restart']);
  assert.equal((await fleet.home.rbee(['infer', '-m', 'tick', 'Hello'])).code, 0);
  await fleet.machines.host('strict').configureSshd({ lines: ['AllowTcpForwarding no'] });
  await fleet.machines.host('strict').stopSshd({ connections: 'cut' });
  await fleet.machines.host('strict').startSshd();
  const refused = await fleet.home.rbee(['sync', '--json']);
  assert.notEqual(refused.code, 0);
});
