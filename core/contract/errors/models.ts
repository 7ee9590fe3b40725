/** Errors of devices, memory and models. */
import type { Entries } from './entry.ts';

export const modelErrors = {
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
  MODEL_NOT_FOUND: { status: 404, message: 'no worker serves the model {model}{near}', hint: '{hint}' },
  MODEL_FILE_MISSING: {
    status: 422,
    message: 'the model file {path} does not exist on hive {hive}',
    hint: 'check the path; it is a path on the machine of the hive',
  },
  MODEL_FILE_UNREADABLE: {
    status: 422,
    message: 'cannot read the model file {path}: {problem}',
    hint: 'make it readable for the user of the hive',
  },
  MODEL_FORMAT_UNSUPPORTED: {
    status: 422,
    message: '{type} cannot load {path} ({problem})',
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
    message: 'hive {hive} does not have the model {model}{near}',
    hint: 'see: rbee model list, or download it with: rbee model download {reference}',
  },
  MODEL_OFFLINE: {
    status: 503,
    message: 'hive {hive} does not have {model}, and HF_HUB_OFFLINE prevents downloading it',
    hint: 'unset HF_HUB_OFFLINE and restart the queen, or use a model from that machine with file:',
  },
  MODEL_UNAUTHORIZED: {
    status: 401,
    message: '{model} is gated, private, or does not exist: {problem}',
    hint: 'if it is gated, accept its terms at {page}; then on hive {hive} run: hf auth login, or set HF_TOKEN and restart the queen',
  },
  MODEL_FORBIDDEN: {
    status: 403,
    message: 'the token of hive {hive} has no access to {model}: {problem}',
    hint: 'request access at {page}, or set HF_TOKEN to a token that has access',
  },
  MODEL_REPOSITORY_NOT_FOUND: {
    status: 404,
    message: '{model} was not found: {problem}',
    hint: 'look for it at {page}; private repositories need HF_TOKEN',
  },
  MODEL_FILE_NOT_IN_REPOSITORY: {
    status: 404,
    message: '{model} has no file {file}{near}',
    hint: 'its files: {known}',
  },
  MODEL_MANIFEST_CORRUPT: {
    status: 500,
    message: 'cannot read {path}, which describes a downloaded model',
    hint: 'remove that file and download its model again; until then no unused models are removed',
  },
  MODEL_NOTHING_TO_LOAD: {
    status: 422,
    message: '{model} contains nothing that can be loaded: {problem}',
    hint: '{hint}',
  },
  MODEL_HUB_FAILED: {
    status: 502,
    message: 'cannot download {model} right now: {host} {problem}',
    hint: 'try again later; the download resumes where it stopped',
  },
  MODEL_HUB_UNREACHABLE: {
    status: 503,
    message: 'cannot download {model}: {host} cannot be reached ({problem})',
    hint: 'check the network, and HTTPS_PROXY and HF_ENDPOINT on hive {hive}; models that were downloaded before work without a network',
  },
  MODEL_HUB_TIMEOUT: {
    status: 504,
    message: 'cannot download {model} right now: {host} sent nothing for {limit}',
    hint: 'try again later; the download resumes where it stopped',
  },
  MODEL_DOWNLOAD_FAILED: {
    status: 502,
    message: 'the download of {file} of {model} failed {times} times: {problem}',
    hint: 'try again; the download resumes where it stopped',
  },
  MODEL_CHECKSUM_MISMATCH: {
    status: 502,
    message: '{file} of {model} has the wrong checksum or size: it is {actual}, not {expected}',
    hint: 'the file was discarded; try again later, and if it keeps happening, tell the publisher of the model',
  },
  MODEL_CONTENT_INVALID: {
    status: 422,
    message: '{file} of {model} is not a model file: {problem}',
    hint: 'the file was discarded; open {page} in a browser: the address may lead to a page about the file, or to the sign-in page of a network',
  },
  MODEL_URL_REFUSED: {
    status: 403,
    message: 'hive {hive} may not download {model}: {problem}',
    hint: 'a signed URL expires: give a new one, and the download resumes where it stopped',
  },
  MODEL_IN_USE: {
    status: 409,
    message: '{model} is in use by {workers}',
    hint: 'delete those workers first: rbee worker delete {workers}',
  },
  MODEL_BUSY: {
    status: 409,
    message: '{model} is being downloaded',
    hint: 'wait until it is done, or cancel the download: rbee job list',
  },
  MODEL_DEMO_UNAVAILABLE: {
    status: 422,
    message: 'worker type {type} has no demo model',
    hint: 'choose a model with --model',
  },
  NOT_ENOUGH_MEMORY: {
    status: 422,
    message: '{what} needs about {needed}, but {where} has only {free} free',
    hint: 'stop another worker, choose a smaller model or context, or try anyway with --force',
  },
} as const satisfies Entries;
