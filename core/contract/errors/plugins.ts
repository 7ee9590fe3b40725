/** Errors of plugins and of the worker types they provide: finding, trusting, installing and using them. */
import type { Entries } from './entry.ts';

export const pluginErrors = {
  INDEX_INVALID: {
    status: 500,
    message: 'cannot read the index of installed plugins, {path}: {problem}',
    hint: 'fix the file, or remove it and install the plugins again',
  },
  TYPE_NOT_FOUND: {
    status: 404,
    message: 'there is no worker type {type} (installed: {known}){near}',
    hint: 'install one with: rbee plugins install NAME, or see: rbee plugins list',
  },
  PLUGIN_INVALID: {
    status: 422,
    message: 'the plugin {plugin} cannot be used: {problem}',
    hint: 'report this to its author, or use another version',
  },
  PLUGIN_FAILED: {
    status: 500,
    message: 'the plugin {plugin} failed in {member}: {problem}',
    hint: 'report this to its author; other plugins are not affected',
  },
  PLUGIN_NOT_BUILT: {
    status: 422,
    message: 'the plugin {plugin} is not built: there is no {entry} in {folder}',
    hint: 'build it: run npm run build in that folder',
  },
  PLUGIN_CHANGED: {
    status: 409,
    message: 'files of the plugin {plugin} changed while it was in use',
    hint: 'try again when its build has finished',
  },
  PLUGIN_API_VERSION: {
    status: 422,
    message: 'the plugin {plugin} is written for API version {theirs}, but this rbee supports {ours}',
    hint: '{hint}',
  },
  PLUGIN_CONFLICT: {
    status: 409,
    message: 'both {first} and {second} provide the worker type {type}',
    hint: 'uninstall one of the two',
  },
  DEVICE_KIND_CONFLICT: {
    status: 409,
    message: 'both {first} and {second} provide the device kind {kind}',
    hint: 'uninstall one of the two',
  },
  PLUGIN_IN_USE: {
    status: 409,
    message: 'the plugin {plugin} is in use by {workers}',
    hint: 'stop them with: rbee worker stop {workers}, or add --force',
  },
  PUBLISHER_UNKNOWN: {
    status: 403,
    message: '{package} comes from {publisher}, and nothing from that publisher is installed yet',
    hint: 'review it with: rbee plugins inspect {package}; if you trust the publisher, add --yes',
  },
  SCOPE_NOT_ALLOWED: {
    status: 403,
    message: '{package} may not be installed here: only packages of {allowed} are allowed',
    hint: 'change allowed_scopes under [registry] in rbee.conf',
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
  PLUGIN_NOT_DELIVERED: {
    status: 409,
    message: 'hive {hive} gets its plugins from the queen and does not have {what} yet',
    hint: 'run: rbee sync --hive {hive}',
  },
  DELIVERY_INCOMPATIBLE: {
    status: 422,
    message: '{package} cannot be installed on this machine: {problem}',
    hint: 'nothing was installed; run: rbee sync',
  },
  SECRET_NOT_FOUND: {
    status: 404,
    message: 'there is no secret {secret}{near}',
    hint: 'store it with: rbee secret set {secret}',
  },
  SECRET_EXPECTED: {
    status: 400,
    message: 'option {option} of worker type {type} is a secret and cannot be given as plain text',
    hint: 'store the value with: rbee secret set NAME, and give {option}=secret:NAME; if you typed the value, it is in the history of your shell',
  },
  ENVIRONMENT_REFUSED: {
    status: 400,
    message: 'worker type {type} does not accept the variable {variable}',
    hint: '{known}',
  },
  OPTION_INVALID: { status: 400, message: 'option {option} of worker type {type}: {problem}', hint: '{hint}' },
} as const satisfies Entries;
