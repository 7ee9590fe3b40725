/**
 * First contact with a machine: starts the agent there, or finds out what is missing. Everything that must work
 * before Node is on the machine is here, in plain `sh`.
 */
import { printedLines } from '../boundary/printed-lines.ts';
import { RbeeError } from '../contract/errors.ts';
import { orAborted } from '../lifecycle/async/or-aborted.ts';
import { AgentAbsent, AgentClient } from './agent-client.ts';
import type { SshConnection } from './connection.ts';
import { endRemotely, quote, runScript, startScript } from './script.ts';

/** The parts of an agent, by name: the runtime without its platform (`node-26.10.0`), and the file of the agent. */
export interface AgentParts {
  runtime: string;
  agent: string;
}

/** How Node is compressed for the upload. */
export type RuntimePacking = 'zstd' | 'gzip' | 'none';

const packings: readonly RuntimePacking[] = ['zstd', 'gzip', 'none'];
const unpackers: Record<RuntimePacking, string> = { zstd: 'zstd -dcq', gzip: 'gzip -dc', none: 'cat' };

/** A machine where the agent is not installed. */
export interface BareHost {
  os: string;
  cpu: string;
  libc: 'glibc' | 'musl' | null;
  /** `2.36`; null if unknown. */
  glibc: string | null;
  /** rbee's data folder there. */
  data: string;
  /** The best compression that can be unpacked there. */
  unpacks: RuntimePacking;
  /** The rbee that is installed there (`<version>-<hash8>`), if any. */
  installed: string | null;
  /** Only the agent is missing, or has another version. */
  hasRuntime: boolean;
  /** Node needs it, but minimal systems do not have it. */
  hasLibatomic: boolean;
  /** Null if unknown. */
  freeBytes: number | null;
}

/** The minimum versions for Node's official build. */
const oldestGlibc = [2, 28] as const;

/** The agent of the machine, or a description of a machine that has none yet. Errors: SSH_*, HOST_*. */
export const startAgent = async (
  connection: SshConnection,
  parts: AgentParts,
  signal?: AbortSignal,
): Promise<AgentClient | BareHost> => {
  const running = await startScript(connection, `${facts}\n${launch(parts)}`, { signal });
  const onAbort = () => endRemotely(running.channel);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await orAborted(AgentClient.greet(connection.name, running), signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AgentAbsent) return bareHost(connection.name, error.lines);
    throw understood(connection.name, error, '~/.local/share/rbee');
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
};

/** Installs an uploaded Node after checking its checksum, and always removes the upload. Errors: HOST_*, UPLOAD_FAILED. */
export const placeRuntime = async (
  connection: SshConnection,
  { data, unpacks }: BareHost,
  runtime: { name: string; sha256: string; upload: string; library?: { name: string; upload: string } },
  signal?: AbortSignal,
): Promise<void> => {
  const folder = `${data}/runtimes/${runtime.name}`;
  const { code, stderr, stdout } = await runScript(
    connection,
    `
umask 077
LC_ALL=C; export LC_ALL
folder=${quote(folder)}
part="$folder.part.$$"
upload=${quote(runtime.upload)}
trap 'rm -rf "$part" "$upload"' EXIT
trap 'exit 75' HUP INT TERM
rm -rf "$part"; mkdir -p "$part/bin" || exit 73
${runtime.library ? `mkdir -p "$part/lib" && mv -f ${quote(runtime.library.upload)} "$part/lib/${runtime.library.name}" || exit 73` : ''}
${unpackers[unpacks]} < "$upload" > "$part/bin/node" || exit 74
chmod 700 "$part/bin/node" || exit 73
if [ -d "$part/lib" ]; then LD_LIBRARY_PATH="$part/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"; export LD_LIBRARY_PATH; fi
sum=$("$part/bin/node" -e '${ownChecksum}') || exit 76
if [ "$sum" != ${runtime.sha256} ]; then echo "$sum"; exit 77; fi
rm -rf "$folder"; mv -f "$part" "$folder" || exit 73`,
    { signal },
  );
  if (code === 0) return;
  const hive = connection.name;
  if (code === 77) {
    const problem = `the uploaded file is damaged (SHA-256 ${stdout.trim()})`;
    throw RbeeError.of('UPLOAD_FAILED', { what: runtime.name, hive, problem });
  }
  const lines = printedLines(stderr);
  const problem = lines[0] ?? `it ended with exit code ${code}`;
  const details = { hive, what: 'setting up Node there', problem };
  throw understood(hive, RbeeError.of('HOST_COMMAND_FAILED', details, { lines }), data);
};

/** Node computes its own checksum, in pieces, to save memory on small machines. */
const ownChecksum =
  'const fs = require("fs"), hash = require("crypto").createHash("sha256"), piece = Buffer.alloc(1 << 20), file = fs.openSync(process.execPath); for (let n; (n = fs.readSync(file, piece)) > 0;) hash.update(piece.subarray(0, n)); console.log(hash.digest("hex"))';

/** Sets `os`, `cpu`, `data`. */
const facts = `
os=$(uname -s 2>/dev/null); cpu=$(uname -m 2>/dev/null)
case "$os" in Linux) os=linux;; Darwin) os=darwin;; esac
case "$cpu" in x86_64|amd64) cpu=x64;; aarch64|arm64) cpu=arm64;; esac
[ -n "\${HOME-}" ] || HOME=$(cd ~ 2>/dev/null && pwd)
export HOME
if [ -n "\${RBEE_HOME-}" ]; then data="$RBEE_HOME/data"; else data="\${XDG_DATA_HOME:-$HOME/.local/share}/rbee"; fi`;

const absent = 'rbee-absent';

const launch = ({ runtime, agent }: AgentParts): string => `
node="$data/runtimes/${runtime}-$os-$cpu"
if [ -x "$node/bin/node" ] && [ -f "$data/agent/${agent}" ]; then
  if [ -d "$node/lib" ]; then LD_LIBRARY_PATH="$node/lib\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"; export LD_LIBRARY_PATH; fi
  cd "$HOME" 2>/dev/null || cd /
  exec "$node/bin/node" "$data/agent/${agent}"
fi
echo ${absent}
echo "os=$os"
echo "cpu=$cpu"
echo "data=$data"
current=$(readlink "$data/current" 2>/dev/null) && echo "installed=\${current##*/}"
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || glibc=
echo "glibc=$glibc"
for f in /lib/ld-musl-*; do [ -e "$f" ] && echo "musl=yes"; done
[ -x "$node/bin/node" ] && echo "runtime=yes"
for p in gzip zstd; do command -v $p >/dev/null 2>&1 && echo "unpacks=$p"; done
for f in /lib/*/libatomic.so.1 /usr/lib/*/libatomic.so.1 /lib64/libatomic.so.1 /usr/lib64/libatomic.so.1 /lib/libatomic.so.1 /usr/lib/libatomic.so.1; do [ -e "$f" ] && echo "libatomic=yes"; done
at="$data"; while [ ! -d "$at" ] && [ "$at" != / ] && [ "$at" != . ]; do at=$(dirname "$at"); done
free=$(df -Pk "$at" 2>/dev/null | tail -n 1 | awk '{print $4}')
echo "free=$free"
[ -w "$at" ] || echo "unwritable=$at"
real=$(cd "$at" 2>/dev/null && pwd -P) && awk -v at="$real" '
  { point = $5; gsub(/\\\\040/, " ", point) }
  (point == "/" || at == point || index(at, point "/") == 1) && length(point) >= deepest { deepest = length(point); options = $6 }
  END { if (("," options ",") ~ /,noexec,/) print "noexec=yes" }' /proc/self/mountinfo 2>/dev/null
echo end`;

/** Errors: HOST_UNSUPPORTED, HOST_FOLDER_UNUSABLE. */
const bareHost = (hive: string, lines: readonly string[]): BareHost => {
  const said = new Map(
    lines.slice(lines.indexOf(absent) + 1).map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const os = said.get('os') ?? '';
  const cpu = said.get('cpu') ?? '';
  const glibc = /(\d+\.\d+)/.exec(said.get('glibc') ?? '')?.[1] ?? null;
  const musl = glibc === null && said.has('musl');
  const unsupported = (problem: string, hint: string) => RbeeError.of('HOST_UNSUPPORTED', { hive, problem, hint });
  if (!/^(linux|darwin)$/.test(os) || !/^(x64|arm64)$/.test(cpu)) {
    throw unsupported(
      `it runs ${os || 'an unknown system'} on ${cpu || 'an unknown processor'}`,
      'hives run on Linux and macOS, on x64 and arm64',
    );
  }
  if (musl) throw unsupported('its C library is musl', 'use a system with glibc, such as Debian, Ubuntu or Fedora');
  if (glibc !== null && isOlder(glibc)) {
    throw unsupported(
      `its glibc is ${glibc}, and Node needs ${oldestGlibc.join('.')}`,
      'update the system of the machine',
    );
  }
  const unwritable = said.get('unwritable');
  if (unwritable !== undefined) {
    const details = { hive, path: unwritable, problem: 'it is not writable', hint: writableHint };
    throw RbeeError.of('HOST_FOLDER_UNUSABLE', details);
  }
  if (said.has('noexec')) throw noPrograms(hive, said.get('data') ?? '');
  const free = Number(said.get('free'));
  return {
    os,
    cpu,
    libc: os === 'linux' ? 'glibc' : null,
    glibc,
    data: said.get('data') ?? '',
    installed: said.get('installed') || null,
    unpacks: packings.find((one) => one === said.get('unpacks')) ?? 'none',
    hasRuntime: said.has('runtime'),
    hasLibatomic: os !== 'linux' || said.has('libatomic'),
    freeBytes: Number.isFinite(free) && free > 0 ? free * 1024 : null,
  };
};

const isOlder = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < oldestGlibc[0] || (major === oldestGlibc[0] && minor < oldestGlibc[1]);
};

/** Translates messages of the system's loader when Node does not start. */
const understood = (hive: string, error: unknown, path: string): unknown => {
  if (!(error instanceof RbeeError) || error.code !== 'HOST_COMMAND_FAILED') return error;
  const said = [error.message, ...error.lines].join('\n');
  const unsupported = (problem: string, hint: string) =>
    RbeeError.of('HOST_UNSUPPORTED', { hive, problem, hint }, { cause: error, lines: error.lines });
  const library = /(lib[\w.+-]+\.so[.\d]*): cannot open shared object/.exec(said)?.[1];
  if (library !== undefined) {
    const name = library.startsWith('libatomic')
      ? 'libatomic1 (Debian, Ubuntu) or libatomic (Fedora)'
      : `the package that contains ${library}`;
    return unsupported(`Node needs ${library}, which is not installed`, `install ${name} on the machine`);
  }
  if (/GLIBC(XX)?_[\d.]+' not found/.test(said))
    return unsupported('its system libraries are too old for Node', 'update the system of the machine');
  if (/exec format error|cannot execute binary/i.test(said))
    return unsupported(
      'Node for its processor does not run there',
      'report this to rbee with the output of uname -a there',
    );
  const folder = (problem: string, hint: string) =>
    RbeeError.of('HOST_FOLDER_UNUSABLE', { hive, path, problem, hint }, { cause: error });
  if (/no space left|quota/i.test(said)) return folder('no space is left', 'free some space there');
  if (/read-only file system|cannot (create|move)/i.test(said)) return folder('it is not writable', writableHint);
  return /permission denied/i.test(said) ? noPrograms(hive, path, error) : error;
};

const noPrograms = (hive: string, path: string, cause?: unknown): RbeeError => {
  const problem = 'programs cannot be run from it';
  const hint = 'mount the home folder without noexec, or set XDG_DATA_HOME of that user to another folder';
  return RbeeError.of('HOST_FOLDER_UNUSABLE', { hive, path, problem, hint }, { cause });
};

const writableHint = 'make it writable for the user of the hive, or choose another user with ssh_user in hives.conf';
