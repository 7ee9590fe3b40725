/** Starts an agent on a machine. If it is missing, first uploads it with the Node that it runs on. */
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Narrate } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { Library } from '../../delivery/libatomic.ts';
import { runtimeName, runtimeVersion } from '../../delivery/runtime.ts';
import { formatBytes as bytes } from '../../narration/quantities.ts';
import { AgentClient } from '../../ssh/agent-client.ts';
import { type BareHost, placeRuntime, startAgent } from '../../ssh/bootstrap.ts';
import { checkForwarding } from '../../ssh/check-forwarding.ts';
import type { SshConnection } from '../../ssh/connection.ts';
import type { SshPool } from '../../ssh/pool.ts';
import type { Uploads } from '../../ssh/upload/uploads.ts';
import type { BundleCall, Bundles } from './bundles.ts';

export interface BringDeps {
  pool: SshPool;
  uploads: Uploads;
  bundles: Bundles;
}

/**
 * Starts the agent. Returns a description of the machine if the agent is missing or has another version. Changes nothing.
 */
export const findAgent = async (
  connection: SshConnection,
  { bundles }: BringDeps,
  signal?: AbortSignal,
): Promise<AgentClient | BareHost> => startAgent(connection, await partsOf(bundles), signal);

/** Uploads and starts the agent. Errors: HOST_*, UPLOAD_FAILED, SSH_*, and any from downloading Node. */
export const bringAgent = async (
  connection: SshConnection,
  host: BareHost,
  parts: BringDeps,
  call: BundleCall,
): Promise<AgentClient> => {
  const agent = await bring(connection, host, parts, call);
  try {
    // Without forwarding, nothing that is started here could be reached, so fail early.
    await checkForwarding(connection, agent, call.signal);
    return agent;
  } catch (error) {
    agent.close();
    throw error;
  }
};

const bring = async (
  connection: SshConnection,
  host: BareHost,
  parts: BringDeps,
  call: BundleCall,
): Promise<AgentClient> => {
  const names = await partsOf(parts.bundles);
  if (!host.hasRuntime) await bringRuntime(connection, host, parts, call);
  const { file } = await parts.bundles.agent();
  await uploadTo(connection, parts, { file, path: `${host.data}/agent/${names.agent}`, ...call });
  const agent = await startAgent(connection, names, call.signal);
  if (agent instanceof AgentClient) return agent;
  const problem = 'it is missing after the upload';
  throw RbeeError.of('HOST_COMMAND_FAILED', { hive: connection.name, what: 'the agent of rbee', problem });
};

/** The build that `current` points to on a machine, `<version>-<hash8>`; null if rbee is not installed. */
export const installedOn = async (agent: AgentClient): Promise<string | null> => {
  const target = await agent.call('readLink', [`${agent.hello.paths.data}/current`]);
  return target?.split('/').at(-1) ?? null;
};

export interface UploadRequest {
  file: string;
  /** Absolute path on the machine. */
  path: string;
  /** Name for people. Without it, nothing is narrated. */
  what?: string;
  narrate: Narrate;
  signal: AbortSignal;
}

/** Uploads a file from this machine to another one, and narrates the progress. */
export const uploadTo = async (
  connection: SshConnection,
  { pool, uploads }: Pick<BringDeps, 'pool' | 'uploads'>,
  { file, path, what, narrate, signal }: UploadRequest,
): Promise<void> => {
  const id = `upload ${what}`;
  const began = performance.now();
  if (what !== undefined) narrate({ kind: 'step', id, text: `uploading ${what}` });
  await uploads.upload(pool.settingsOf(connection), file, path, {
    signal,
    onProgress: (done, total) => {
      if (what !== undefined) narrate({ kind: 'progress', id, done, total, unit: 'bytes' });
    },
  });
  if (what !== undefined) narrate({ kind: 'done', id, text: `uploaded ${what}`, ms: performance.now() - began });
};

const partsOf = async (bundles: Bundles) => ({
  runtime: `node-${runtimeVersion}`,
  agent: (await bundles.agent()).name,
});

/** The runtime briefly exists twice; the rest is room for rbee itself. */
const roomFor = (size: number, upload: number): number => size + upload + 64 * 2 ** 20;

const refuseFull = (hive: string, { data, freeBytes }: BareHost, needed: number): void => {
  if (freeBytes === null || freeBytes >= needed) return;
  const problem = `${bytes(needed)} is needed, ${bytes(freeBytes)} is free`;
  throw RbeeError.of('HOST_FOLDER_UNUSABLE', { hive, path: data, problem, hint: 'free some space there' });
};

/** The library to upload, or null if the machine has it. Errors: HOST_UNSUPPORTED. */
const libraryFor = async (hive: string, host: BareHost, bundles: Bundles): Promise<Library | null> => {
  if (host.hasLibatomic) return null;
  const library = await bundles.library(targetOf(host));
  if (library) return library;
  const problem = 'Node needs libatomic.so.1, which is missing';
  const hint = 'install libatomic1 (Debian, Ubuntu) or libatomic (Fedora) on the machine';
  throw RbeeError.of('HOST_UNSUPPORTED', { hive, problem, hint });
};

const targetOf = ({ os, cpu, libc }: BareHost) => ({ os, cpu, ...(libc !== null && { libc }) });

/**
 * Throws if the agent cannot be installed, as far as this can be checked before anything is downloaded or changed.
 * Errors: HOST_FOLDER_UNUSABLE, HOST_UNSUPPORTED.
 */
export const refuseUnfit = async (hive: string, host: BareHost, bundles: Bundles): Promise<void> => {
  if (host.hasRuntime) return;
  // All builds of Node are about the size of the one that runs here.
  refuseFull(hive, host, roomFor((await stat(process.execPath)).size, 0));
  await libraryFor(hive, host, bundles);
};

const bringRuntime = async (
  connection: SshConnection,
  host: BareHost,
  parts: BringDeps,
  call: BundleCall,
): Promise<void> => {
  const { bundles } = parts;
  const target = targetOf(host);
  const runtime = await bundles.runtime(target, call);
  const { file, size: upload } = await bundles.packed(runtime, host.unpacks);
  refuseFull(connection.name, host, roomFor(runtime.size, upload));
  const library = await libraryFor(connection.name, host, bundles);
  const name = runtimeName(target);
  const at = `${host.data}/uploads/${name}${extname(file)}`;
  await uploadTo(connection, parts, { file, path: at, what: `Node ${runtime.version} (${bytes(upload)})`, ...call });
  const libraryAt = `${host.data}/uploads/${library?.name}`;
  if (library) await uploadTo(connection, parts, { file: library.file, path: libraryAt, ...call });
  const placed = {
    name,
    sha256: runtime.sha256,
    upload: at,
    ...(library && { library: { name: library.name, upload: libraryAt } }),
  };
  await placeRuntime(connection, host, placed, call.signal);
};
