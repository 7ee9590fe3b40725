/** Tests the connection to a machine and what is installed there, one check at a time, so that a person sees what fails. */

import type { SshTestResult, SyncCheck } from '../../contract/api/sync.ts';
import { asRbeeError } from '../../contract/errors.ts';
import { runtimeVersion } from '../../delivery/runtime.ts';
import { formatBytes } from '../../narration/quantities.ts';
import { AgentClient } from '../../ssh/agent-client.ts';
import { startAgent } from '../../ssh/bootstrap.ts';
import type { SshConnection } from '../../ssh/connection.ts';
import { runScript } from '../../ssh/script.ts';
import type { Bundles } from '../link/bundles.ts';
import type { RemoteCall } from '../provision/machine.ts';
import { installedOn, refuseUnfit } from './bring-agent.ts';
import type { MachineLink } from './machine-link.ts';

/** Throws only when cancelled: other errors are in the checks. Installs nothing. */
export const testSsh = async (
  link: MachineLink,
  { bundles, workerPort }: { bundles: Bundles; workerPort: number },
  call: RemoteCall,
): Promise<SshTestResult> => {
  const result: SshTestResult = {
    hive: link.alias,
    ok: false,
    hostname: link.target.hostname,
    port: link.target.port ?? 22,
    user: link.target.user ?? '',
    jumps: [],
    hostKey: null,
    authentication: null,
    platform: null,
    installed: null,
    roundTripMs: null,
    checks: [],
  };
  const checks: SyncCheck[] = [];
  const check = checker(link.alias, checks, call);
  let found = result;
  const connection = await check('ssh', async () => {
    const route = await link.route(call);
    const { host, port, user } = route.at(-1)!;
    found = { ...found, hostname: host, port, user, jumps: route.slice(0, -1).map((hop) => hop.host) };
    // Questions to the person come up here; the probe after it asks none.
    const connection = await link.reach(call);
    await link.probeRoute(workerPort, call);
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
      return { value: ms, text: `it can run programs; a round trip takes ${ms.toFixed(1)} ms` };
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

/** Over a session that is already open. */
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
