/**
 * The error catalogue: every error that a person can act on, with a stable code, what happened, and what to try.
 *
 * `{name}` in a message or hint is a detail that whoever throws must give. A retired code is never used again.
 * `docs/errors.md` is generated from this table and a test keeps the two equal.
 */
import { withoutSecrets } from './secrets.ts';

interface Entry {
  /** HTTP status with which queen and hive answer. */
  readonly status: number;
  /** What happened, and to which thing. */
  readonly message: string;
  /** What to try next. */
  readonly hint: string;
}

export const errorCatalogue = {
  // Using the command line and the API
  USAGE: { status: 400, message: '{problem}', hint: 'see: {help}' },
  FILE_UNREADABLE: { status: 400, message: 'the file {path} cannot be read: {problem}', hint: 'check the path' },
  FILE_TOO_LARGE: {
    status: 413,
    message: '{path} is larger than {limit}, the most that is sent in one request',
    hint: 'send less at once; a recording gets smaller as mp3 or opus, and can be cut into parts',
  },
  FILE_UNWRITABLE: {
    status: 422,
    message: 'the file {path} cannot be written: {problem}',
    hint: 'choose another one with --output',
  },
  FILE_EXISTS: { status: 409, message: 'the file {path} is there already', hint: 'choose another one, or add --force' },
  INVALID_INPUT: { status: 400, message: '{what} is not valid: {problem}', hint: '{hint}' },
  UNKNOWN_OPERATION: { status: 404, message: 'there is no operation {operation}', hint: 'known operations: {known}' },
  NOT_FOUND: {
    status: 404,
    message: 'there is nothing at {method} {path}',
    hint: 'see the API page of the documentation',
  },
  METHOD_NOT_ALLOWED: { status: 405, message: '{path} does not take {method}', hint: 'it takes: {allowed}' },
  BODY_TOO_LARGE: { status: 413, message: 'the request body is larger than {limit}', hint: '{hint}' },
  BODY_TOO_SLOW: {
    status: 408,
    message: 'the request body did not arrive in time: {received} in {time}',
    hint: 'send it again, over a faster connection or in a smaller form',
  },
  FORBIDDEN_ORIGIN: {
    status: 403,
    message: 'a request with {header} "{value}" is refused',
    hint: 'call the queen from a program on this machine, at {url}; web pages may not drive it',
  },
  UNSUPPORTED_CONTENT_TYPE: {
    status: 415,
    message: 'content type "{type}" is not accepted at {path}',
    hint: 'send the body as {accepted}',
  },
  INTERNAL: {
    status: 500,
    message: 'something went wrong inside {part}: {problem}',
    hint: 'see {log}, and run: rbee doctor',
  },
  CANCELLED: { status: 499, message: '{what} was cancelled', hint: 'run the command again to start over' },

  // Configuration and files
  CONFIG_INVALID: { status: 400, message: '{file}:{line}:{column}: {problem}', hint: '{hint}' },
  CONFIG_REFUSED: {
    status: 400,
    message: 'nothing was stopped or changed: {problem}',
    hint: '{hint}',
  },
  FOLDER_NOT_EMPTY: {
    status: 409,
    message: 'the folder {folder} is not empty',
    hint: 'choose another one with --folder',
  },
  STATE_UNWRITABLE: {
    status: 500,
    message: 'cannot write {path}: {problem}',
    hint: 'free some space or mend the permissions of that folder, or move all of rbee with RBEE_HOME',
  },
  FOLDER_NOT_PRIVATE: {
    status: 403,
    message: 'the folder {path} cannot be trusted: {problem}',
    hint: '{fix}',
  },
  FILE_NOT_PRIVATE: { status: 403, message: 'the file {path} cannot be trusted: {problem}', hint: '{fix}' },
  SOCKET_NOT_PRIVATE: { status: 403, message: 'the socket {path} cannot be trusted: {problem}', hint: '{fix}' },
  PATH_REFUSED: {
    status: 400,
    message: '{path} cannot be a path inside {folder}: {problem}',
    hint: 'if the name came from an archive, a plugin or another machine, do not use it, and report it to its author',
  },
  NO_HOME: {
    status: 500,
    message: 'there is no home folder for this user',
    hint: 'set RBEE_HOME to a folder that you can write',
  },
  RBEE_HOME_INVALID: {
    status: 500,
    message: 'RBEE_HOME is "{value}", which is not a whole path',
    hint: 'set it to a path that begins with / or ~/',
  },

  // Daemons: queen and hive
  ALREADY_INSTALLED: { status: 409, message: '{name} is already installed', hint: 'uninstall it first, or restart it' },
  NOT_INSTALLED: { status: 404, message: '{name} is not installed', hint: 'install it first; installed are: {known}' },
  STILL_RUNNING: { status: 409, message: '{name} is running (pid {pid})', hint: 'stop it first' },
  START_FAILED: { status: 500, message: '{name} did not start: {problem}', hint: '{hint}' },
  STOP_FAILED: {
    status: 500,
    message: '{name} (pid {pid}) did not stop: {problem}',
    hint: 'look at the process with: ps -fp {pid}',
  },
  PID_FILE_INVALID: {
    status: 500,
    message: 'the PID file {path} cannot be used: {problem}',
    hint: 'if no such daemon runs, remove that file and try again',
  },
  PROCESS_NOT_FOUND: { status: 404, message: 'process {pid} of {name} is gone', hint: 'run: rbee status' },
  PERMISSION_DENIED: { status: 403, message: 'not allowed to {action} {name}', hint: 'run as the user who started it' },
  TIMEOUT: { status: 504, message: '{what} took longer than {limit}', hint: '{hint}' },
  QUEEN_NOT_RUNNING: { status: 503, message: 'the queen is not running', hint: 'start it with: rbee queen start' },
  QUEEN_START_FAILED: {
    status: 500,
    message: 'the queen did not start: {problem}',
    hint: 'look at {log}, and run: rbee doctor',
  },
  QUEEN_RESTARTED: {
    status: 503,
    message: 'the queen was restarted while job {job} was running',
    hint: 'run the command again',
  },
  QUEEN_STOPPED: {
    status: 503,
    message: 'the queen ended in the middle of {what}',
    hint: '{hint}',
  },
  QUEEN_BUSY: { status: 503, message: 'another queen owns {path}', hint: 'stop it with: rbee queen stop' },
  HIVE_BUSY: { status: 503, message: 'another hive owns {path}', hint: 'stop it with: rbee hive stop' },
  HIVE_NOT_FOUND: { status: 404, message: 'there is no hive {hive}', hint: 'known hives: {known}' },
  HIVE_NOT_RUNNING: {
    status: 503,
    message: 'hive {hive} is not running',
    hint: 'start it with: rbee hive start {hive}',
  },
  HIVE_UNREACHABLE: {
    status: 503,
    message: 'hive {hive} does not answer: {problem}',
    hint: 'run: rbee hive status {hive}',
  },
  HIVE_PROTOCOL_ERROR: {
    status: 502,
    message: 'hive {hive} breaks the rules: {problem}',
    hint: 'its machine may be damaged or taken over: check it, then run: rbee hive restart {hive}',
  },
  HIVE_OUTDATED: {
    status: 409,
    message: 'hive {hive} runs an older rbee, which cannot {action}',
    hint: 'bring it up to date with: {command}; its workers go on',
  },
  HIVE_ATTACHED: {
    status: 409,
    message: 'hive {hive} runs inside the queen and cannot be {action} by itself',
    hint: 'use rbee queen {command}, or set mode = "standalone" under [queen] in rbee.conf',
  },
  VERSION_MISMATCH: {
    status: 409,
    message: '{name} is version {theirs}, this is {ours}',
    hint: 'restart it with: {command}',
  },
  PORT_TAKEN: {
    status: 409,
    message: 'port {port} is already in use',
    hint: 'choose another port in rbee.conf ([queen] port)',
  },
  HIVE_PORT_TAKEN: {
    status: 409,
    message: 'port {port}, on which the hive is to listen, is already in use',
    hint: 'choose another one with hive_port in hives.conf',
  },
  NO_FREE_PORT: {
    status: 503,
    message: 'no free port is left in {range}',
    hint: 'stop a worker, or widen [hive] worker_ports in rbee.conf',
  },
  SYSTEMD_UNAVAILABLE: {
    status: 501,
    message: 'systemd user services are not available here: {problem}',
    hint: 'start {name} yourself at login, or run this on a machine with systemd',
  },

  // Other machines, over SSH
  SSH_CONFIG_INVALID: {
    status: 422,
    message: 'hive {hive} cannot be addressed: {problem}',
    hint: 'check its entry in hives.conf, and ~/.ssh/config; this shows what ssh makes of it: ssh -G HOSTNAME',
  },
  SSH_UNREACHABLE: { status: 503, message: 'hive {hive} ({address}) cannot be reached: {problem}', hint: '{hint}' },
  SSH_HOST_KEY_UNKNOWN: {
    status: 403,
    message: 'hive {hive} ({address}) shows a host key that is not known: {key}',
    hint: 'compare it with what the machine itself says (ssh-keygen -lf /etc/ssh/ssh_host_*.pub), then add --accept-new-host-keys, or connect once by hand with ssh',
  },
  SSH_HOST_KEY_CHANGED: {
    status: 403,
    message: 'hive {hive} ({address}) shows the wrong host key, {key}: {problem}; someone may be listening in',
    hint: 'if the machine was set up anew, remove its old key with: ssh-keygen -R {known}, and sync again',
  },
  SSH_AUTH_FAILED: {
    status: 401,
    message: 'hive {hive} ({address}) lets nobody in: {problem}',
    hint: 'put a public key of yours there (ssh-copy-id), start an SSH agent, or set ssh_user and identity_file in hives.conf',
  },
  SSH_KEY_ENCRYPTED: {
    status: 401,
    message: 'the key {file} for hive {hive} is encrypted: {problem}',
    hint: 'add it to an SSH agent with: ssh-add {file}, or run the command in a terminal, where it asks',
  },
  SSH_HANDSHAKE_FAILED: {
    status: 502,
    message: 'hive {hive} ({address}) cannot be talked to over SSH: {problem}',
    hint: '{hint}',
  },
  SSH_CONNECTION_LOST: {
    status: 503,
    message: 'the SSH connection to hive {hive} is lost: {problem}',
    hint: 'check the machine and the network; it is made again by itself',
  },
  SSH_FORWARDING_REFUSED: {
    status: 422,
    message: 'the SSH server of hive {hive} does not let rbee through to {what}',
    hint: 'set AllowTcpForwarding and AllowStreamLocalForwarding to yes (or local) in its sshd_config',
  },
  SSH_SHELL_UNUSABLE: {
    status: 422,
    message: 'user {user} of hive {hive} cannot run programs there: {problem}',
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
    hint: 'look at the machine with: rbee hive ssh-test {hive}',
  },
  UPLOAD_FAILED: {
    status: 502,
    message: '{what} could not be brought to hive {hive}: {problem}',
    hint: 'try again; it goes on where it stopped',
  },
  HIVE_NOT_INSTALLED: {
    status: 409,
    message: 'rbee is not installed on the machine of hive {hive}',
    hint: 'run: rbee sync --hive {hive}',
  },
  HIVE_ROLLED_BACK: {
    status: 500,
    message: 'hive {hive} did not start with rbee {version} ({problem}), and runs with {before} again',
    hint: 'look at: rbee hive logs {hive}',
  },
  HIVE_IS_LOCAL: {
    status: 409,
    message: 'hive {hive} is on the machine of the queen and cannot be {action} over SSH',
    hint: '{hint}',
  },

  // Many machines: hives.conf and sync
  NO_HIVES_CONF: {
    status: 404,
    message: 'there is no {file}',
    hint: 'write one: rbee hive add ALIAS HOSTNAME, or rbee migrate, or see rbee docs hives',
  },
  HIVE_NOT_DECLARED: {
    status: 404,
    message: 'hives.conf declares no hive {hive}{near}',
    hint: 'it declares: {known}',
  },
  DECLARATION_UNSATISFIABLE: { status: 422, message: '{file}:{line}: hive {hive}: {problem}', hint: '{hint}' },
  HIVE_ALREADY_DECLARED: {
    status: 409,
    message: 'hives.conf declares a hive {hive} already, in line {line}',
    hint: 'choose another alias, or remove it first: rbee hive remove {hive}',
  },
  HIVES_CONF_UNEDITABLE: {
    status: 422,
    message: '{file} cannot be changed by a command: {problem}',
    hint: 'nothing was changed; edit the file by hand',
  },
  REMOTE_HIVES_DISABLED: {
    status: 501,
    message: 'this queen looks after no other machines',
    hint: 'restart her with: rbee queen restart',
  },
  SYNC_REMOVAL_REFUSED: {
    status: 409,
    message: '{hives} would lose rbee and all that runs there: {file} does not name it',
    hint: 'name it there, leave out --remove-extra, or add --yes; nothing was done',
  },
  SYNC_LOCKED: {
    status: 409,
    message: 'hive {hive} is being changed by {owner}, since {since}',
    hint: 'wait until that is done; if nobody is at it any more, add --take-over',
  },
  SYNC_LEASE_LOST: {
    status: 409,
    message: '{owner} took over hive {hive} during this sync',
    hint: 'find out who does so, then run: rbee sync --hive {hive}',
  },
  SYNC_INCOMPLETE: {
    status: 500,
    message: '{failed} of {total} hives are not as hives.conf says: {hives}',
    hint: 'mend what is named above, then run: {command}',
  },
  SYNC_FAILED: {
    status: 500,
    message: 'no hive could be made as hives.conf says: {hives}',
    hint: 'mend what is named above, then run: {command}',
  },
  SYNC_SKIPPED: {
    status: 424,
    message: '{what} was not begun: {because}',
    hint: 'it follows by itself when you run: {command}',
  },
  SYNC_NOTHING_TO_RETRY: {
    status: 404,
    message: 'nothing failed the last time that {file} was synced',
    hint: 'run: rbee sync',
  },
  SYNC_DRIFT: {
    status: 409,
    message: '{count} of {total} hives are not as {file} says: {hives}',
    hint: 'see what differs with: rbee status --verbose; make it so with: rbee sync',
  },
  SYNC_VERSION_CONFLICT: {
    status: 422,
    message: 'hive {hive}: {first} and {second} come from the same package, {package}, in different versions',
    hint: 'declare the same version for both',
  },
  WORKER_ID_TAKEN: {
    status: 409,
    message: 'hive {hive}: the id {worker} of a declared worker is taken by one that was spawned by hand',
    hint: 'delete it with: rbee worker delete {worker}, or give the entry in hives.conf another id, or add --remove-extra',
  },

  // Worker types (plugins)
  INDEX_INVALID: {
    status: 500,
    message: 'the index of installed plugins, {path}, cannot be read: {problem}',
    hint: 'mend the file, or remove it and install the plugins again',
  },
  TYPE_NOT_FOUND: {
    status: 404,
    message: 'there is no worker type {type} (installed: {known}){near}',
    hint: 'install one with: rbee plugins install NAME, or look at: rbee plugins list',
  },
  PLUGIN_INVALID: {
    status: 422,
    message: 'the plugin {plugin} cannot be used: {problem}',
    hint: 'tell its author, or use another version',
  },
  PLUGIN_FAILED: {
    status: 500,
    message: 'the plugin {plugin} failed in {member}: {problem}',
    hint: 'only its own worker types are affected; tell its author',
  },
  PLUGIN_NOT_BUILT: {
    status: 422,
    message: 'the plugin {plugin} is not built: there is no {entry} in {folder}',
    hint: 'build it in that folder with: npm run build',
  },
  PLUGIN_CHANGED: {
    status: 409,
    message: 'files of the plugin {plugin} changed while it was in use',
    hint: 'try again once its build has finished',
  },
  PLUGIN_API_VERSION: {
    status: 422,
    message: 'the plugin {plugin} is written for API version {theirs}, this rbee speaks {ours}',
    hint: '{hint}',
  },
  PLUGIN_CONFLICT: {
    status: 409,
    message: 'the worker type {type} is offered by both {first} and {second}',
    hint: 'uninstall one of the two',
  },
  DEVICE_KIND_CONFLICT: {
    status: 409,
    message: 'the kind of device {kind} is brought by both {first} and {second}',
    hint: 'uninstall one of the two',
  },
  PLUGIN_IN_USE: {
    status: 409,
    message: 'the plugin {plugin} is in use by {workers}',
    hint: 'stop them with: rbee worker stop {workers}, or add --force',
  },
  PUBLISHER_UNKNOWN: {
    status: 403,
    message: '{package} comes from {publisher}, of whom nothing is installed yet',
    hint: 'look at it with: rbee plugins inspect {package}, and if you trust them add --yes',
  },
  SCOPE_NOT_ALLOWED: {
    status: 403,
    message: '{package} may not be installed here: only packages of {allowed} may',
    hint: 'change allowed_scopes under [registry] in rbee.conf',
  },
  PACKAGE_NOT_FOUND: {
    status: 404,
    message: '{package} was not found: {problem}',
    hint: 'look for it with: rbee plugins search, or check [registry] url in rbee.conf and your .npmrc',
  },
  VERSION_NOT_FOUND: {
    status: 404,
    message: 'there is no {package} in version {version}',
    hint: 'there is: {known}',
  },
  PACKAGE_REFUSED: {
    status: 422,
    message: 'the package {package} is refused: {problem}',
    hint: 'nothing of it was installed; tell its author, or use another version',
  },
  REGISTRY_UNREACHABLE: {
    status: 503,
    message: 'the registry cannot be asked for {package}: {problem}',
    hint: 'check the network and [registry] url in rbee.conf, or use what was fetched before with --offline',
  },
  REGISTRY_DENIED: {
    status: 403,
    message: 'the registry {registry} refuses {package}: {problem}',
    hint: '{hint}',
  },
  NPM_NOT_FOUND: {
    status: 501,
    message: 'npm is needed for {what}, and it is not on the PATH of the hive',
    hint: 'install npm, or add it to the PATH and restart the queen',
  },
  NPM_FAILED: {
    status: 502,
    message: 'npm could not {what}: {problem}',
    hint: 'nothing was installed; try again, or use another version',
  },
  GIT_FAILED: {
    status: 502,
    message: 'git could not get {address}: {problem}',
    hint: 'check the address, and that the user of the hive may read it with git; nothing was installed',
  },
  VARIANT_NOT_FOUND: {
    status: 404,
    message: 'worker type {type} has no variant {variant}',
    hint: 'its variants: {known}',
  },
  VARIANT_INCOMPATIBLE: {
    status: 422,
    message: '{type} ({variant}) does not run on hive {hive}: {reasons}',
    hint: '{hint}',
  },
  BINARY_NOT_FOUND: {
    status: 422,
    message: 'no program for {type} ({variant}) was found on hive {hive}: {tried}',
    hint: '{hint}',
  },
  PROGRAM_PATH_INVALID: {
    status: 422,
    message: 'the variable {variable} names {path}, which {problem}',
    hint: 'correct or unset it where the queen (or hive) is started, and restart that; no other program is tried while it is set',
  },
  DOWNLOAD_FAILED: {
    status: 502,
    message: '{url} could not be downloaded: {problem}',
    hint: 'check the network and the proxy variables (HTTPS_PROXY) of the hive, then try again; it goes on where it stopped',
  },
  CHECKSUM_MISMATCH: {
    status: 502,
    message: '{url} is not the file that was promised: its SHA-256 is {actual}, not {expected}',
    hint: 'nothing of it was used; try again later, and tell the author of the plugin if it stays so',
  },
  ARCHIVE_INVALID: {
    status: 422,
    message: 'the archive {archive} cannot be unpacked: {problem}',
    hint: 'nothing of it was used; tell the author of the plugin that names it',
  },
  NO_SPACE: {
    status: 507,
    message: 'there is not enough space in {path}: {needed} more is needed, {free} is free',
    hint: 'free some space there, or move all of rbee with RBEE_HOME',
  },
  PYTHON_NOT_FOUND: {
    status: 422,
    message: 'no {python} was found: {tried}',
    hint: 'install uv, or Python with its venv module (on Debian: apt install python3-venv)',
  },
  INSTALL_FAILED: { status: 500, message: '{what} could not be installed: {problem}', hint: '{hint}' },
  RUNTIME_UNSUPPORTED: {
    status: 422,
    message: 'rbee has no Node to bring to {platform}',
    hint: 'a hive runs on Linux with glibc or on macOS, on x64 or arm64; systems with musl (Alpine) are not among them',
  },
  DELIVERY_INCOMPATIBLE: {
    status: 422,
    message: '{package} cannot be taken in here: {problem}',
    hint: 'nothing of it was used; run: rbee sync',
  },
  PLUGIN_NOT_DELIVERED: {
    status: 409,
    message: 'hive {hive} gets its plugins from the queen, and {what} has not been brought to it',
    hint: 'run: rbee sync --hive {hive}',
  },
  APP_INCOMPLETE: {
    status: 500,
    message: 'this rbee cannot be packed for other machines: {path} cannot be read ({problem})',
    hint: 'install rbee anew, or in a checkout run: npm run build',
  },
  PACKAGE_MISSING: {
    status: 500,
    message: '{by} needs the package {package}, which is not here',
    hint: 'install it anew: npm install in its folder',
  },
  PACKAGE_INCOMPATIBLE: {
    status: 422,
    message: '{by} needs the package {package}, which is not here for {platform}',
    hint: 'a folder goes to machines of the same kind only: publish the plugin and install it from a registry',
  },
  BUNDLE_CORRUPT: {
    status: 502,
    message: '{archive} is not what was packed: {problem}',
    hint: 'nothing of it was used; run the command again, and it is sent anew',
  },
  SECRET_NOT_FOUND: {
    status: 404,
    message: 'there is no secret {secret}{near}',
    hint: 'store it with: rbee secret set {secret}',
  },
  SECRET_EXPECTED: {
    status: 400,
    message: 'option {option} of worker type {type} is a secret: its value may not be given here',
    hint: 'store it with: rbee secret set NAME, and give {option}=secret:NAME; a value that was typed is in the history of the shell',
  },
  ENVIRONMENT_REFUSED: {
    status: 400,
    message: 'worker type {type} does not let the variable {variable} through',
    hint: '{known}',
  },
  OPTION_INVALID: { status: 400, message: 'option {option} of worker type {type}: {problem}', hint: '{hint}' },

  // Devices, models, memory
  DEVICE_INVALID: {
    status: 400,
    message: '"{device}" is not a device',
    hint: 'devices are written like cpu, cuda:0 or cuda:0,1',
  },
  DEVICE_NOT_FOUND: {
    status: 422,
    message: 'there is no {device} on hive {hive}; it has {available}',
    hint: 'try: {command}',
  },
  MODEL_REFERENCE_INVALID: {
    status: 400,
    message: '"{reference}" is not a model reference: {problem}',
    hint: 'write hf:org/repo, hf:org/repo:Q4_K_M, https://host/model.gguf, file:/path/to/model.gguf, or demo',
  },
  MODEL_REQUIRED: {
    status: 400,
    message: 'worker type {type} needs a model',
    hint: 'add --model hf:org/repo, --model file:/path/to/model, or --model demo',
  },
  MODEL_NOT_FOUND: { status: 404, message: 'no model {model} is served{near}', hint: '{hint}' },
  MODEL_FILE_MISSING: {
    status: 422,
    message: 'the model file {path} does not exist on hive {hive}',
    hint: 'check the path; it is read on the hive',
  },
  MODEL_FILE_UNREADABLE: {
    status: 422,
    message: 'the model file {path} cannot be read: {problem}',
    hint: 'mend its permissions for the user of the hive',
  },
  MODEL_FORMAT_UNSUPPORTED: {
    status: 422,
    message: '{path} is not a model that {type} loads ({problem})',
    hint: '{type} loads: {formats}',
  },
  MODEL_COMPONENT_UNKNOWN: {
    status: 400,
    message: 'worker type {type} has no model component {component}{near}',
    hint: 'its components: {known}',
  },
  MODEL_COMPONENT_MISSING: {
    status: 400,
    message: 'worker type {type} needs the model component {component}: {description}',
    hint: 'add --component {component}=hf:org/repo:file, or --component {component}=file:/path',
  },
  MODEL_NOT_DOWNLOADED: {
    status: 404,
    message: 'there is no model {model} on hive {hive}{near}',
    hint: 'run: rbee model list, or download it with: rbee model download {reference}',
  },
  MODEL_OFFLINE: {
    status: 503,
    message: '{model} is not on hive {hive}, and HF_HUB_OFFLINE forbids to download it',
    hint: 'unset HF_HUB_OFFLINE and restart the queen, or give a file: that is there',
  },
  MODEL_UNAUTHORIZED: {
    status: 401,
    message: '{model} is not given to everyone, or does not exist: {problem}',
    hint: 'if its page asks for it, accept its terms at {page}; then on hive {hive} run: hf auth login, or set HF_TOKEN and restart the queen',
  },
  MODEL_FORBIDDEN: {
    status: 403,
    message: 'the token of hive {hive} may not read {model}: {problem}',
    hint: 'ask for access at {page}, or use a token of someone who has it (HF_TOKEN)',
  },
  MODEL_REPOSITORY_NOT_FOUND: {
    status: 404,
    message: '{model} was not found: {problem}',
    hint: 'look for it at {page}; private repositories need HF_TOKEN',
  },
  MODEL_FILE_NOT_IN_REPOSITORY: {
    status: 404,
    message: '{model}: there is no {file} in it{near}',
    hint: 'it has: {known}',
  },
  MODEL_MANIFEST_CORRUPT: {
    status: 500,
    message: 'what {path} says of a model cannot be read',
    hint: 'remove that file and download its model again; until then nothing is collected',
  },
  MODEL_NOTHING_TO_LOAD: {
    status: 422,
    message: '{model} holds nothing that can be loaded: {problem}',
    hint: '{hint}',
  },
  MODEL_HUB_FAILED: {
    status: 502,
    message: '{model} cannot be had now: {host} {problem}',
    hint: 'try again later; what has been downloaded is kept, and it goes on where it stopped',
  },
  MODEL_HUB_UNREACHABLE: {
    status: 503,
    message: '{model} cannot be downloaded: {host} cannot be reached ({problem})',
    hint: 'check the network and the variables HTTPS_PROXY and HF_ENDPOINT of hive {hive}; models that are there need no network',
  },
  MODEL_HUB_TIMEOUT: {
    status: 504,
    message: '{model} cannot be had now: {host} says nothing for {limit}',
    hint: 'try again later; what has been downloaded is kept, and it goes on where it stopped',
  },
  MODEL_DOWNLOAD_FAILED: {
    status: 502,
    message: 'the download of {file} of {model} broke off {times} times: {problem}',
    hint: 'try again; what has been downloaded is kept, and it goes on where it stopped',
  },
  MODEL_CHECKSUM_MISMATCH: {
    status: 502,
    message: '{file} of {model} is not the file that was promised: it is {actual}, not {expected}',
    hint: 'nothing of it was kept; try again later, and tell the publisher of the model if it stays so',
  },
  MODEL_CONTENT_INVALID: {
    status: 422,
    message: '{file} of {model} is not the file that was wanted: {problem}',
    hint: 'look with a browser at what is behind {page}: it may be a page about the file, or the sign-in page of a network; nothing of it was kept',
  },
  MODEL_URL_REFUSED: {
    status: 403,
    message: '{model} is not given to hive {hive}: {problem}',
    hint: 'a signed address is good for some time: give a new one; what has been downloaded is kept, and it goes on where it stopped',
  },
  MODEL_IN_USE: {
    status: 409,
    message: '{model} is in use by {workers}',
    hint: 'delete what was started from it first: rbee worker delete {workers}',
  },
  MODEL_BUSY: {
    status: 409,
    message: '{model} is being downloaded',
    hint: 'wait for it, or cancel the download: rbee job list',
  },
  MODEL_DEMO_UNAVAILABLE: {
    status: 422,
    message: 'worker type {type} has no demo model',
    hint: 'give a model with --model',
  },
  NAME_CONFLICT: {
    status: 409,
    message: 'the name {name} is already served from {model} by worker {worker}',
    hint: 'choose another with --name',
  },
  LIMIT_UNENFORCEABLE: {
    status: 422,
    message: '{worker} cannot be held to its limit on {what}: {problem}',
    hint: '{hint}',
  },
  NOT_ENOUGH_MEMORY: {
    status: 422,
    message: '{what} needs about {needed}, {where} has {free} free',
    hint: 'stop another worker, choose a smaller model or context, or add --force to try all the same',
  },

  // Workers
  WORKER_NOT_FOUND: { status: 404, message: 'there is no worker {worker}{near}', hint: 'run: rbee worker list' },
  WORKER_AMBIGUOUS: {
    status: 409,
    message: 'several hives have a worker {worker}: {hives}',
    hint: 'choose one with --hive',
  },
  WORKER_FAILED: { status: 500, message: 'worker {worker} failed: {problem}', hint: '{hint}' },
  WORKER_PLUGIN_MISSING: {
    status: 409,
    message: 'the worker was started from {package}, and hive {hive} {problem}',
    hint: '{hint}',
  },
  WORKER_NOT_READY: { status: 503, message: 'worker {worker} is {state}', hint: 'run: rbee worker get {worker}' },
  WORKER_CANNOT_SLEEP: { status: 409, message: 'worker {worker} cannot sleep: {problem}', hint: '{hint}' },
  WORKER_SLEEP_FAILED: {
    status: 502,
    message: 'worker {worker} could not be {action}: {problem}',
    hint: 'look at: rbee worker logs {worker}, or start it anew with: rbee worker restart {worker}',
  },
  NO_READY_WORKER: {
    status: 503,
    message: 'model {model} is known, but no worker is ready: {reason}',
    hint: 'run: rbee worker list',
  },
  WORKER_CONNECTION_LOST: {
    status: 502,
    message: 'worker {worker} broke off: {problem}',
    hint: 'send the request again',
  },
  PATH_NOT_SERVED: { status: 404, message: 'model {model} does not serve {path}: {reason}', hint: '{hint}' },
  ID_NOT_FOUND: {
    status: 404,
    message: 'no worker is known to have made {id}, and {count} workers serve {path}',
    hint: 'ids are remembered for 30 days, until the queen restarts; name a model of a single worker with ?model=',
  },

  // Jobs
  JOB_NOT_FOUND: { status: 404, message: 'there is no job {job}', hint: 'run: rbee job list' },
  JOB_ENDED: { status: 409, message: 'job {job} has already ended ({state})', hint: 'run: rbee job get {job}' },
  JOB_MEMORY_EXHAUSTED: {
    status: 503,
    message: 'the jobs that are running use all the memory that jobs may have ({size})',
    hint: 'wait until one of them ends, or cancel one: rbee job list',
  },
  JOB_RESULT_TOO_LARGE: {
    status: 500,
    message: 'the result of the job is {size}, and at most {max} can be kept',
    hint: 'ask for less at a time, such as for one hive',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 409,
    message: 'the idempotency key {key} was used before for another request (job {job})',
    hint: 'use a new key for each request',
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** Codes that earlier builds used, and their present names. A hive that was not yet updated still sends the old ones. */
const formerCodes: Readonly<Record<string, ErrorCode>> = {
  DELIVERY_UNFIT: 'DELIVERY_INCOMPATIBLE',
  VARIANT_UNFIT: 'VARIANT_INCOMPATIBLE',
  WORKER_BROKE_OFF: 'WORKER_CONNECTION_LOST',
  MODEL_DOWNLOAD_BROKE: 'MODEL_DOWNLOAD_FAILED',
  WORKER_REST_FAILED: 'WORKER_SLEEP_FAILED',
  DECLARATION_IMPOSSIBLE: 'DECLARATION_UNSATISFIABLE',
  HIVE_FAULTY: 'HIVE_PROTOCOL_ERROR',
  HIVE_DECLARED: 'HIVE_ALREADY_DECLARED',
  HIVE_LOCAL: 'HIVE_IS_LOCAL',
  MACHINES_UNAVAILABLE: 'REMOTE_HIVES_DISABLED',
  QUEEN_ENDED: 'QUEEN_STOPPED',
  SYNC_PARTLY: 'SYNC_INCOMPLETE',
  SYNC_VERSIONS_CLASH: 'SYNC_VERSION_CONFLICT',
  PLUGIN_CLASH: 'PLUGIN_CONFLICT',
  DEVICE_KIND_CLASH: 'DEVICE_KIND_CONFLICT',
  NAME_CLASH: 'NAME_CONFLICT',
  PROGRAM_MISNAMED: 'PROGRAM_PATH_INVALID',
  PACKAGE_NOT_FOR: 'PACKAGE_INCOMPATIBLE',
  BUNDLE_DAMAGED: 'BUNDLE_CORRUPT',
  MODEL_MANIFEST_DAMAGED: 'MODEL_MANIFEST_CORRUPT',
  MODEL_NOT_HERE: 'MODEL_NOT_DOWNLOADED',
  MODEL_CHECKSUM: 'MODEL_CHECKSUM_MISMATCH',
  MODEL_CONTENT: 'MODEL_CONTENT_INVALID',
  MODEL_FORMAT: 'MODEL_FORMAT_UNSUPPORTED',
  MODEL_HUB_SILENT: 'MODEL_HUB_TIMEOUT',
  MODEL_NO_DEMO: 'MODEL_DEMO_UNAVAILABLE',
  MODEL_ADDRESS_REFUSED: 'MODEL_URL_REFUSED',
  LIMIT_NOT_KEPT: 'LIMIT_UNENFORCEABLE',
  WORKER_PLUGIN_GONE: 'WORKER_PLUGIN_MISSING',
  JOBS_FULL: 'JOB_MEMORY_EXHAUSTED',
};

const isKnownCode = (code: string): boolean => Object.hasOwn(errorCatalogue, code) || Object.hasOwn(formerCodes, code);
const currentCode = (code: ErrorCode): ErrorCode =>
  Object.hasOwn(formerCodes, code) ? (formerCodes[code] as ErrorCode) : code;

type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;
type DetailNames<Code extends ErrorCode> =
  | Placeholders<(typeof errorCatalogue)[Code]['message']>
  | Placeholders<(typeof errorCatalogue)[Code]['hint']>;

/** The details that an error of this code needs: one string or number for each `{name}` in its message and hint. */
export type ErrorDetails<Code extends ErrorCode = ErrorCode> = { [Name in DetailNames<Code>]: string | number };

/** How an error travels: in JSON output of the CLI, in answers of queen and hive, in the last event of a job. */
export interface ErrorBody {
  readonly code: ErrorCode;
  /** One sentence: what happened, to which thing. */
  readonly message: string;
  /** One sentence: what to try. */
  readonly hint: string;
  /** What the engine itself said, or other context worth showing, oldest line first. */
  readonly lines?: readonly string[];
}

export interface RbeeErrorOptions {
  cause?: unknown;
  lines?: readonly string[];
}

/** Errors are shown, logged and kept: nothing secret of an address gets into one. */
const fill = (text: string, details: Record<string, string | number>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(details, name) ? withoutSecrets(String(details[name]).replace(/[\r\n]+$/, '')) : whole,
  );

/** An error of the catalogue. Everything a person is shown as an error is one of these. */
export class RbeeError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly lines: readonly string[];

  private constructor(body: ErrorBody, cause?: unknown) {
    super(body.message, cause === undefined ? undefined : { cause });
    this.name = 'RbeeError';
    this.code = currentCode(body.code);
    this.hint = body.hint;
    this.lines = body.lines ?? [];
  }

  /** Makes an error from the catalogue. */
  static of<Code extends ErrorCode>(
    code: Code,
    details: ErrorDetails<Code>,
    options: RbeeErrorOptions = {},
  ): RbeeError {
    const entry = errorCatalogue[code];
    const body = { code, message: fill(entry.message, details), hint: fill(entry.hint, details), lines: options.lines };
    return new RbeeError(body, options.cause);
  }

  /** Brings back an error that arrived over a wire. */
  static from(body: ErrorBody, { cause }: { cause?: unknown } = {}): RbeeError {
    return new RbeeError(body, cause);
  }

  /** HTTP status of this error; 500 for a code that only a newer version knows. */
  get status(): number {
    return Object.hasOwn(errorCatalogue, this.code) ? errorCatalogue[this.code].status : 500;
  }

  toJSON(): ErrorBody {
    const body = { code: this.code, message: this.message, hint: this.hint };
    return this.lines.length > 0 ? { ...body, lines: this.lines } : body;
  }
}

/** Is this the wire form of an error of the catalogue? */
export const isErrorBody = (value: unknown): value is ErrorBody =>
  typeof value === 'object' &&
  value !== null &&
  'code' in value &&
  typeof value.code === 'string' &&
  isKnownCode(value.code) &&
  'message' in value &&
  typeof value.message === 'string';

/** Turns anything that was thrown into an error of the catalogue; `part` is who met it (queen, hive, rbee). */
export const asRbeeError = (thrown: unknown, part: string, log = 'its log'): RbeeError => {
  if (thrown instanceof RbeeError) return thrown;
  const problem = thrown instanceof Error ? thrown.message : String(thrown);
  return RbeeError.of('INTERNAL', { part, problem, log }, { cause: thrown });
};
