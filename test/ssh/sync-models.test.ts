/**
 * Declared models on machines: the queen delivers them to machines that cannot reach the hub; the others download them.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { createFleet, type TestFleet } from '../harness/fleet.ts';
import { ggufNoise, type Hub, sha256, startHub } from '../harness/hub.ts';
import { cannot, type Host } from '../harness/machines.ts';
import { atFullScale } from '../harness/until.ts';

const skip = cannot('network') || atFullScale;
const llamacpp = resolve(import.meta.dirname, '../../plugins/worker-llamacpp');
const tiny = readFileSync(join(llamacpp, 'models/demo.gguf'));
const noise = ggufNoise(3_000_000, 'noise');
let fleet: TestFleet;
/** A hub that only this machine can reach. */
let hub: Hub;
/** A hub in the network of the machines. */
let shared: Hub;
let pi: Host;
let box: Host;

before(async () => {
  if (skip) return;
  hub = await startHub();
  hub.commit('acme/Tiny-GGUF', { 'README.md': '# Tiny', 'tiny-Q4_K_M.gguf': tiny });
  hub.commit('acme/Noise', { 'a.gguf': noise, 'b.gguf': ggufNoise(3_000_000, 'other') });
  fleet = await createFleet({ hosts: ['pi', 'box'], plugins: [llamacpp] });
  fleet.home.env['HF_ENDPOINT'] = hub.url;
  fleet.home.env['HF_HOME'] = join(fleet.home.folder, 'hf');
  [pi, box] = fleet.machines.hosts as [Host, Host];
  shared = await startHub(box.address.replace(/\d+$/, '1'));
  shared.commit('acme/Near', { 'near.gguf': noise });
  await box.configureSshd({ lines: [`SetEnv HF_ENDPOINT=${shared.url}`] });
});
after(async () => {
  await fleet?.close();
  await hub?.close();
  await shared?.close();
});

const models = async (hive: string) => {
  const { models: all } = await fleet.home.json(['model', 'list', '--hive', hive]);
  return all as { model: string; complete: boolean; commit: string | null }[];
};
const blobsOn = (host: Host): string[] => readdirSync(host.path('.local/share/rbee/models/blobs')).sort();
const leftOn = (host: Host): string[] =>
  readdirSync(host.path('.local/share/rbee/models/parts')).filter((name) => !name.endsWith('.lock'));
const sent = (data: Buffer): number =>
  hub.requests.filter((request) => request.startsWith(`CDN /${sha256(data)}`)).length;

const conf = `
[[hive]]
alias = "pi"
models = ["hf:acme/Noise:a.gguf"]
run = [{ type = "llamacpp", model = "hf:acme/Tiny-GGUF", id = "tiny", device = "cpu" }]
`;

test('the queen delivers models to a machine that reaches no hub, where they are verified and served', {
  skip,
}, async () => {
  fleet.declare(conf);
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(run.stderr, /hive pi cannot reach the source of hf:acme\/Noise:a\.gguf: bringing it from here/);
  assert.match(run.stderr, /uploading a\.gguf of hf:acme\/Noise:a\.gguf \(/);
  const answer = await fleet.home.rbee(['infer', '-m', 'tiny', 'hello']);
  assert.equal(answer.code, 0, answer.stderr);
  assert.match(answer.stdout, /Hello from rbee/);
  assert.deepEqual(
    (await models('pi')).map(({ model, complete }) => `${model} ${complete}`),
    ['hf:acme/Noise:a.gguf true', 'hf:acme/Tiny-GGUF true'],
  );
  assert.deepEqual(blobsOn(pi), [sha256(noise), sha256(tiny)].sort());
  assert.deepEqual(leftOn(pi), []);
  const verified = await fleet.home.rbee(['model', 'verify', '--hive', 'pi']);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});

test('a second sync does nothing and asks no hub', { skip }, async () => {
  const before = hub.requests.length;
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /nothing to do/);
  assert.equal(hub.requests.length, before);
});

test("a machine that reaches a hub downloads for itself; another one gets the queen's copy", {
  skip,
}, async () => {
  fleet.declare(`${conf}\n[[hive]]\nalias = "box"\nmodels = ["hf:acme/Near"]\n`);
  const run = await fleet.home.rbee(['sync']);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.doesNotMatch(run.stderr, /cannot reach the source/);
  assert.deepEqual(
    (await models('box')).map(({ model, complete }) => `${model} ${complete}`),
    ['hf:acme/Near true'],
  );
  assert.ok(shared.requests.length > 0);
  assert.equal(sent(noise), 1);
  const gone = await fleet.home.rbee(['model', 'delete', 'hf:acme/Noise:a.gguf', '--hive', 'pi']);
  assert.equal(gone.code, 0, gone.stderr);
  assert.ok(!existsSync(pi.path(`.local/share/rbee/models/blobs/${sha256(noise)}`)));
  // A manual download works like a sync.
  const again = await fleet.home.rbee(['model', 'download', 'hf:acme/Noise:a.gguf', '--hive', 'pi']);
  assert.equal(again.code, 0, again.stdout + again.stderr);
  assert.ok(blobsOn(pi).includes(sha256(noise)));
  assert.equal(sent(noise), 1);
});

test('a model that no hub has is refused by name, and nothing of it stays', { skip }, async () => {
  const run = await fleet.home.rbee(['model', 'download', 'hf:acme/None', '--hive', 'pi']);
  assert.notEqual(run.code, 0);
  assert.match(run.stderr, /hf:acme\/None was not found|hf:acme\/None is gated/);
  assert.ok((await models('pi')).every(({ model }) => model !== 'hf:acme/None'));
});
