/** Removes all folders of rbee from a machine, whatever is left of it there. */
import { printedLines } from '../../boundary/printed-lines.ts';
import { RbeeError } from '../../contract/errors.ts';
import type { SshConnection } from '../../ssh/connection.ts';
import { runScript } from '../../ssh/script.ts';

/** In plain `sh`: there may be no program of ours any more. Errors: HOST_COMMAND_FAILED, SSH_*. */
export const purge = async (connection: SshConnection, signal: AbortSignal): Promise<void> => {
  const { code, stderr } = await runScript(connection, script, { signal });
  if (code === 0) return;
  const problem = printedLines(stderr)[0] ?? `it ended with exit code ${code}`;
  throw RbeeError.of('HOST_COMMAND_FAILED', { hive: connection.name, what: 'the removal of its folders', problem });
};

const script = `
[ -n "\${HOME-}" ] || HOME=$(cd ~ 2>/dev/null && pwd)
if [ -n "\${RBEE_HOME-}" ]; then
  rm -rf "$RBEE_HOME/data" "$RBEE_HOME/state" "$RBEE_HOME/cache" "$RBEE_HOME/config" || exit 73
else
  [ -n "$HOME" ] || { echo 'it has no home folder' >&2; exit 73; }
  rm -rf "\${XDG_DATA_HOME:-$HOME/.local/share}/rbee" "\${XDG_STATE_HOME:-$HOME/.local/state}/rbee" \\
    "\${XDG_CACHE_HOME:-$HOME/.cache}/rbee" "\${XDG_CONFIG_HOME:-$HOME/.config}/rbee" || exit 73
fi`;
