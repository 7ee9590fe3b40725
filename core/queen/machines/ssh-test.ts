/** Tries the way to a machine and looks at what is there, step by step, so that a person sees where it ends. */
import { asRbeeError } from '../../contract/errors.ts';
import type { SshTestResult, SyncCheck } from '../../contract/sync.ts';
import { runtimeVersion } from '../../delivery/runtime.ts';
import { formatBytes } from '../../narration/quantities.ts';
import { AgentClient } from '../../ssh/agent-client.ts';
import { startAgent } from '../../ssh/bootstrap.ts';
import type { SshConnection } from '../../ssh/connection.ts';
import { runScript } from '../../ssh/script.ts';
import type { RemoteCall } from '../provision/machine.ts';
import { refuseUnfit } from './bring-agent.ts';
import type { Bundles } from './bundles.ts';
import { installedOn, type RemoteHive } from './remote-hive.ts';

/** Never throws but for cancelling: what is wrong is told in the checks. Puts nothing on the machine. */
export const testSsh = async (hive: RemoteHive, bundles: Bundles, call: RemoteCall): Promise<SshTestResult> => {
  const result: SshTestResult = {
    hive: hive.alias,
    ok: false,
    hostname: hive.target.hostname,
    port: hive.target.port ?? 22,
    user: hive.target.user ?? '',
    jumps: [],
    hostKey: null,
    authentication: null,
    platform: null,
    installed: null,
    roundTripMs: null,
    checks: [],
  };
  const checks: SyncCheck[] = [];
  const check = checker(hive.alias, checks, call);
  let found = result;
  const connection = await check('ssh', async () => {
    const route = await hive.way(call);
    const { host, port, user } = route.at(-1)!;
    found = { ...found, hostname: host, port, user, jumps: route.slice(0, -1).map((hop) => hop.host) };
    // Whatever has to be decided by a person is asked here.
    const connection = await hive.reach(call);
    await hive.tryWay(call);
    found = { ...found, hostKey: connection.shown.hostKey, authentication: connection.shown.authentication };
    return {
      value: connection,
      text: `logged in as ${user} at ${host}:${port} with ${connection.shown.authentication}`,
    };
  });
  if (connection) {
    await check('shell', async () => {
      const ms = await roundTrip(connection, call.signal);
      found = { ...found, roundTripMs: ms };
      return { value: ms, text: `it runs programs, a round trip takes ${ms.toFixed(1)} ms` };
    });
    await check('machine', () =>
      lookAt(connection, bundles, call, (more) => {
        found = { ...found, ...more };
      }),
    );
  }
  return { ...found, ok: checks.every(({ state }) => state === 'ok'), checks };
};

const lookAt = async (
  connection: SshConnection,
  bundles: Bundles,
  { signal }: RemoteCall,
  tell: (more: Partial<SshTestResult>) => void,
): Promise<{ value: true; text: string }> => {
  const parts = { runtime: `node-${runtimeVersion}`, agent: (await bundles.agent()).name };
  const there = await startAgent(connection, parts, signal);
  if (!(there instanceof AgentClient)) {
    await refuseUnfit(connection.name, there, bundles);
    const platform = `${there.os}-${there.cpu}`;
    tell({ platform, installed: there.installed });
    const free = there.freeBytes === null ? '' : `, ${formatBytes(there.freeBytes)} free in ${there.data}`;
    return {
      value: true,
      text: `${platform}${there.glibc === null ? '' : `, glibc ${there.glibc}`}${free}; ${there.installed === null ? 'nothing is installed yet' : `rbee ${there.installed}`}`,
    };
  }
  try {
    const { platform, paths } = there.hello;
    const installed = await installedOn(there);
    const free = await there.call('freeBytes', [paths.data], signal);
    tell({ platform: `${platform.os}-${platform.cpu}`, installed });
    return {
      value: true,
      text: `${platform.os}-${platform.cpu}, rbee ${installed ?? 'is not installed'}, ${formatBytes(free)} free in ${paths.data}`,
    };
  } finally {
    there.close();
  }
};

/** Over a session that is there already. */
const roundTrip = async (connection: SshConnection, signal: AbortSignal): Promise<number> => {
  await runScript(connection, ':', { signal });
  const began = performance.now();
  await runScript(connection, ':', { signal });
  return performance.now() - began;
};

const checker =
  (hive: string, checks: SyncCheck[], { signal, narrate }: RemoteCall) =>
  async <Value>(name: string, look: () => Promise<{ value: Value; text: string }>): Promise<Value | null> => {
    const began = performance.now();
    try {
      const { value, text } = await look();
      checks.push({ check: name, hive, state: 'ok', text, error: null, ms: Math.round(performance.now() - began) });
      narrate({ kind: 'info', text, on: `hive ${hive}` });
      return value;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asRbeeError(thrown, `hive ${hive}`);
      const ms = Math.round(performance.now() - began);
      checks.push({ check: name, hive, state: 'failed', text: error.message, error: error.toJSON(), ms });
      return null;
    }
  };
