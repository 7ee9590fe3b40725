/** Errors in fetching and installing packages and programs: registries, downloads, archives. */
import type { Entries } from './entry.ts';

export const packageErrors = {
  PACKAGE_NOT_FOUND: {
    status: 404,
    message: '{package} was not found: {problem}',
    hint: 'search for it with: rbee plugins search, or check [registry] url in rbee.conf and your .npmrc',
  },
  VERSION_NOT_FOUND: {
    status: 404,
    message: '{package} has no version {version}',
    hint: 'available: {known}',
  },
  PACKAGE_REFUSED: {
    status: 422,
    message: 'refused to install the package {package}: {problem}',
    hint: 'nothing was installed; report this to its author, or use another version',
  },
  REGISTRY_UNREACHABLE: {
    status: 503,
    message: 'cannot get {package} from the registry: {problem}',
    hint: 'check the network and [registry] url in rbee.conf, or use what was downloaded before with --offline',
  },
  REGISTRY_DENIED: {
    status: 403,
    message: 'the registry {registry} denies access to {package}: {problem}',
    hint: '{hint}',
  },
  NPM_NOT_FOUND: {
    status: 501,
    message: '{what} requires npm, which is not on the PATH of the hive',
    hint: 'install npm, or add it to the PATH, and restart the queen',
  },
  NPM_FAILED: {
    status: 502,
    message: 'npm could not {what}: {problem}',
    hint: 'nothing was installed; try again, or use another version',
  },
  GIT_FAILED: {
    status: 502,
    message: 'git could not get {address}: {problem}',
    hint: 'nothing was installed; check the address, and that the user of the hive can read it with git',
  },
  BINARY_NOT_FOUND: {
    status: 422,
    message: 'no program for {type} ({variant}) was found on hive {hive}: {tried}',
    hint: '{hint}',
  },
  PROGRAM_PATH_INVALID: {
    status: 422,
    message: 'the variable {variable} is set to {path}, which {problem}',
    hint: 'correct or unset it where the queen (or hive) is started, and restart that; while it is set, no other program is tried',
  },
  DOWNLOAD_FAILED: {
    status: 502,
    message: 'cannot download {url}: {problem}',
    hint: 'check the network and the proxy settings (HTTPS_PROXY) of the hive, then try again; the download resumes where it stopped',
  },
  CHECKSUM_MISMATCH: {
    status: 502,
    message: '{url} has the wrong checksum: its SHA-256 is {actual}, not {expected}',
    hint: 'the file was discarded; try again later, and if it keeps happening, tell the author of the plugin',
  },
  ARCHIVE_INVALID: {
    status: 422,
    message: 'cannot unpack the archive {archive}: {problem}',
    hint: 'nothing was installed; report this to the author of the plugin that uses it',
  },
  NO_SPACE: {
    status: 507,
    message: 'not enough space in {path}: {needed} more is needed, {free} is free',
    hint: 'free some space there, or set RBEE_HOME to a folder on another disk',
  },
  PYTHON_NOT_FOUND: {
    status: 422,
    message: 'no {python} was found: {tried}',
    hint: 'install uv, or Python with its venv module (on Debian: apt install python3-venv)',
  },
  INSTALL_FAILED: { status: 500, message: 'cannot install {what}: {problem}', hint: '{hint}' },
  RUNTIME_UNSUPPORTED: {
    status: 422,
    message: 'rbee has no Node for {platform}',
    hint: 'hives run on Linux with glibc and on macOS, on x64 and arm64; systems with musl, such as Alpine, are not supported',
  },
  APP_INCOMPLETE: {
    status: 500,
    message: 'this rbee cannot be packed for other machines: cannot read {path} ({problem})',
    hint: 'reinstall rbee, or in a checkout run: npm run build',
  },
  PACKAGE_MISSING: {
    status: 500,
    message: '{by} needs the package {package}, which is not installed',
    hint: 'reinstall it: run npm install in its folder',
  },
  PACKAGE_INCOMPATIBLE: {
    status: 422,
    message: '{by} needs the package {package}, which is not installed for {platform}',
    hint: 'a linked folder can only be sent to machines of the same kind: publish the plugin and install it from a registry',
  },
  BUNDLE_CORRUPT: {
    status: 502,
    message: '{archive} is damaged: {problem}',
    hint: 'it was discarded; run the command again to send it again',
  },
} as const satisfies Entries;
