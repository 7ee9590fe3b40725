/** Errors in reaching other machines over SSH and running hives there. */
import type { Entries } from './entry.ts';

export const sshErrors = {
  SSH_CONFIG_INVALID: {
    status: 422,
    message: 'cannot resolve the address of hive {hive}: {problem}',
    hint: 'check its entry in hives.conf and ~/.ssh/config; to see the settings that ssh uses, run: ssh -G HOSTNAME',
  },
  SSH_UNREACHABLE: { status: 503, message: 'cannot reach hive {hive} ({address}): {problem}', hint: '{hint}' },
  SSH_HOST_KEY_UNKNOWN: {
    status: 403,
    message: 'hive {hive} ({address}) has an unknown host key: {key}',
    hint: 'compare it with the key on the machine itself (ssh-keygen -lf /etc/ssh/ssh_host_*.pub), then add --accept-new-host-keys, or connect once with ssh',
  },
  SSH_HOST_KEY_CHANGED: {
    status: 403,
    message:
      'hive {hive} ({address}) has the wrong host key, {key}: {problem}; someone may be intercepting the connection',
    hint: 'if the machine was reinstalled, remove its old key with: ssh-keygen -R {known}, and sync again',
  },
  SSH_AUTH_FAILED: {
    status: 401,
    message: 'cannot authenticate to hive {hive} ({address}): {problem}',
    hint: 'install your public key there (ssh-copy-id), start an SSH agent, or set ssh_user and identity_file in hives.conf',
  },
  SSH_KEY_ENCRYPTED: {
    status: 401,
    message: 'the key {file} for hive {hive} is encrypted: {problem}',
    hint: 'add it to an SSH agent with: ssh-add {file}, or run the command in a terminal, which asks for the passphrase',
  },
  SSH_HANDSHAKE_FAILED: {
    status: 502,
    message: 'the SSH handshake with hive {hive} ({address}) failed: {problem}',
    hint: '{hint}',
  },
  SSH_CONNECTION_LOST: {
    status: 503,
    message: 'lost the SSH connection to hive {hive}: {problem}',
    hint: 'check the machine and the network; rbee reconnects automatically',
  },
  SSH_FORWARDING_REFUSED: {
    status: 422,
    message: 'the SSH server of hive {hive} does not forward connections to {what}',
    hint: 'set AllowTcpForwarding and AllowStreamLocalForwarding to yes (or local) in its sshd_config',
  },
  SSH_SHELL_UNUSABLE: {
    status: 422,
    message: 'user {user} cannot run programs on hive {hive}: {problem}',
    hint: '{hint}',
  },
  HOST_UNSUPPORTED: {
    status: 422,
    message: 'hive {hive} cannot run on its machine: {problem}',
    hint: '{hint}',
  },
  HOST_FOLDER_UNUSABLE: {
    status: 507,
    message: 'hive {hive} cannot use the folder {path}: {problem}',
    hint: '{hint}',
  },
  HOST_COMMAND_FAILED: {
    status: 502,
    message: 'on hive {hive}, {what} failed: {problem}',
    hint: 'check the machine with: rbee hive ssh-test {hive}',
  },
  UPLOAD_FAILED: {
    status: 502,
    message: 'cannot upload {what} to hive {hive}: {problem}',
    hint: 'try again; the upload resumes where it stopped',
  },
  HIVE_NOT_INSTALLED: {
    status: 409,
    message: 'rbee is not installed on the machine of hive {hive}',
    hint: 'run: rbee sync --hive {hive}',
  },
  HIVE_ROLLED_BACK: {
    status: 500,
    message: 'hive {hive} did not start with rbee {version} ({problem}) and was rolled back to {before}',
    hint: 'see: rbee hive logs {hive}',
  },
  HIVE_IS_LOCAL: {
    status: 409,
    message: 'hive {hive} is on the same machine as the queen and cannot be {action} over SSH',
    hint: '{hint}',
  },
} as const satisfies Entries;
