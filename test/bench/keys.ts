/** What a key with limits costs a request: the check itself, and whole requests through a real gateway. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Pool } from 'undici';
import { type AccessRules, admit } from '../../core/gateway/access/admission.ts';
import { presentedKey } from '../../core/gateway/access/credentials.ts';
import { KeyRing } from '../../core/gateway/access/key-ring.ts';
import { UseLimits } from '../../core/gateway/access/limits.ts';
import { listenForApplications } from '../../core/gateway/api/server.ts';
import { bodyStores } from '../../core/gateway/bodies/body-stores.ts';
import { Gateway } from '../../core/gateway/gateway.ts';
import { listening, memoryFleet, memoryKeys, workerWith } from '../../core/gateway/testing.ts';
import { type Bench, row } from './harness/bench.ts';
import { interleave } from './harness/samples.ts';

const checks = 20_000;
const requests = 1_000;

export const keys: Bench = async ({ rounds, cleanup }) => {
  const ring = new KeyRing(memoryKeys());
  const key = `rbee_benchkey_${randomBytes(32).toString('base64url')}`;
  const hash = createHash('sha256').update(key).digest('hex');
  const huge = 1_000_000_000;
  const limited = { requestsPerMinute: huge, tokensPerMinute: huge, maxConcurrent: 100 };
  await ring.create({ id: 'benchkey', hash, name: 'bench', scope: 'infer', ...limited });
  const rules = { keys: 'auto', allowedHosts: [], allowedOrigins: [], ownNames: [] } as const;

  const check = async (headers: Record<string, string>) => microseconds(checks, () => checkOnce(headers, ring, rules));
  const host = '127.0.0.1:8500';
  const alone = await interleave(rounds, {
    without: () => check({ host }),
    with: () => check({ host, authorization: `Bearer ${key}` }),
  });

  const engine = await listening((incoming, response) => {
    incoming.resume();
    response.setHeader('content-type', 'application/json');
    response.end('{"usage":{"total_tokens":5}}');
  });
  cleanup.defer(() => engine.close());
  const folder = mkdtempSync(join(tmpdir(), 'rbee-bench-keys-'));
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  const gateway = new Gateway(memoryFleet([workerWith({ port: engine.port })]));
  cleanup.defer(() => gateway.close());
  const health = () => ({ status: 'ok', name: 'queen', version: '0', pid: 1, instance: '', startedAt: '' }) as const;
  const bodies = bodyStores(folder, 1024 ** 2);
  const { apps, urls } = await listenForApplications(
    { gateway, health, logger: pino({ level: 'silent' }), bodies },
    { addresses: [{ host: '127.0.0.1', port: 0, tls: false }], tls: null, rules, keys: ring, conf: 'rbee.conf' },
  );
  cleanup.defer(async () => {
    await Promise.all(apps.map((app) => app.close()));
  });
  const pool = new Pool(urls[0] ?? '', { connections: 1 });
  cleanup.defer(() => pool.destroy());
  const ask = async (headers: Record<string, string>) => {
    const body = JSON.stringify({ model: 'demo' });
    const { statusCode, body: answer } = await pool.request({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    await answer.dump();
    if (statusCode !== 200) throw new Error(`the gateway answered ${statusCode}`);
  };
  const whole = await interleave(rounds, {
    without: () => microseconds(requests, () => ask({})),
    with: () => microseconds(requests, () => ask({ authorization: `Bearer ${key}` })),
  });
  return [
    row({
      what: 'check of a key and its limits',
      unit: 'µs',
      value: alone.with,
      baseline: { name: 'of no key', value: alone.without },
      aim: { of: 'value', atMost: 5 },
    }),
    row({
      what: 'request with a key, one after the other',
      unit: 'µs',
      value: whole.with,
      baseline: { name: 'without', value: whole.without },
      aim: { of: 'ratio', atMost: 1.1 },
    }),
  ];
};

const limits = new UseLimits();

const checkOnce = async (
  headers: Record<string, string>,
  ring: KeyRing,
  rules: Omit<AccessRules, 'url'>,
): Promise<void> => {
  const loopback = '127.0.0.1';
  const arrival = { headers, remoteAddress: loopback, authority: undefined };
  admit(arrival, { ...rules, url: () => '' });
  const presented = presentedKey(headers);
  const found = presented === undefined ? undefined : ring.find(presented);
  const use = await limits.begin(found && 'key' in found ? found.key : undefined);
  use.end(0);
};

/** Mean of `count` calls, one after the other. */
const microseconds = async (count: number, work: () => Promise<void>): Promise<number> => {
  const begun = performance.now();
  for (let nth = 0; nth < count; nth += 1) await work();
  return ((performance.now() - begun) / count) * 1_000;
};
