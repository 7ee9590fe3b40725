/** Errors about who may ask: keys, scopes and limits. */
import type { Entries } from './entry.ts';

export const accessErrors = {
  KEY_REQUIRED: {
    status: 401,
    message: 'this request needs an API key: {reason}',
    hint: 'send a key in the header "Authorization: Bearer"; create one on the machine of the queen with: rbee key create NAME --scope {scope}',
  },
  KEY_INVALID: {
    status: 401,
    message: 'the API key is not valid: {problem}',
    hint: 'check the key that the client sends; the keys of this queen: rbee key list',
  },
  SCOPE_MISSING: {
    status: 403,
    message: '{what} needs a key with scope {needed}, and {who} has {granted}',
    hint: 'use another key, or create one with: rbee key create NAME --scope {needed}',
  },
  NOT_PERMITTED: {
    status: 403,
    message: '{who} may not {action}',
    hint: '{hint}',
  },
  KEY_NOT_FOUND: { status: 404, message: 'there is no key {key}{near}', hint: 'keys: {known}' },
  KEY_EXISTS: {
    status: 409,
    message: 'there already is a key {key}',
    hint: 'choose another name, or give it a new secret with: rbee key rotate {key}',
  },
  KEY_ENDED: {
    status: 409,
    message: 'key {key} was revoked',
    hint: 'create a new one with: rbee key create',
  },
  RATE_LIMITED: {
    status: 429,
    message: '{who} has reached its limit of {limit}',
    hint: 'try again in {seconds} s',
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    message: '{who} has {limit} requests in progress, which is its limit',
    hint: 'wait until one of them ends',
  },
} as const satisfies Entries;
