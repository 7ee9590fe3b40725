/** Who may ask the queen for what: scopes, keys, and the audit of operations. */
import Type, { type Static } from 'typebox';
import { lineOf, time } from '../bounds.ts';

/**
 * What a caller may do, from least to most; each scope includes those before it. `infer` sends requests to models.
 * `operate` also sees the fleet, and starts and stops workers of installed types with known models. `admin` does
 * everything else: whatever installs code, names a program, a path or an address, or changes machines, secrets and keys.
 */
export const scopes = ['infer', 'operate', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export const includesScope = (granted: Scope, needed: Scope): boolean =>
  scopes.indexOf(granted) >= scopes.indexOf(needed);

/** A key is `rbee_<id>_<secret>`: the id is public, the secret is 256 random bits in base64url. */
export const keyPattern = /^rbee_([a-z0-9]{8})_[A-Za-z0-9_-]{43}$/;

const strict = { additionalProperties: false } as const;

const keyId = Type.String({ pattern: '^[a-z0-9]{8}$', description: 'Id of the key: its second part' });
/** The client makes the key and sends only this, so the key itself is never sent, stored or logged. */
const keyHash = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the whole key, in hex' });
const keyName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$',
  description: 'Name of the key: letters, digits and . _ @ -',
});
const scope = Type.Union([Type.Literal('infer'), Type.Literal('operate'), Type.Literal('admin')], {
  description: 'What it may do; each scope includes those before it',
});
const perMinute = (what: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: `${what}; default: no limit` }));

/** What a key may use, and how much of it. */
const keyLimits = {
  models: Type.Optional(
    Type.Array(lineOf(256, 1), { minItems: 1, maxItems: 1_000, description: 'Only these models; default: all' }),
  ),
  hives: Type.Optional(
    Type.Array(lineOf(63, 1), { minItems: 1, maxItems: 1_000, description: 'Only these hives; default: all' }),
  ),
  requestsPerMinute: perMinute('Requests to models per minute'),
  tokensPerMinute: perMinute('Tokens per minute, of prompts and answers'),
  maxConcurrent: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100_000, description: 'Requests at the same time; default: no limit' }),
  ),
  expiresAt: Type.Optional(time),
} as const;

export const keyRequests = {
  create: Type.Object({ id: keyId, hash: keyHash, name: keyName, scope, ...keyLimits }, strict),
  rotate: Type.Object(
    {
      key: Type.String({ minLength: 1, maxLength: 64, description: 'Name or id of the key' }),
      hash: keyHash,
      graceSeconds: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 30 * 86_400,
          description: 'How long the old secret stays valid; default: 0',
        }),
      ),
    },
    strict,
  ),
  revoke: Type.Object(
    { key: Type.String({ minLength: 1, maxLength: 64, description: 'Name or id of the key' }) },
    strict,
  ),
} as const;
export type NewKey = Static<typeof keyRequests.create>;

/** A key as it is stored: never the key itself. Times are ISO 8601. */
export const accessKey = Type.Object(
  {
    id: keyId,
    name: keyName,
    scope,
    ...keyLimits,
    /** The current secret, and earlier ones until they end. */
    hashes: Type.Array(Type.Object({ hash: keyHash, validUntil: Type.Optional(time) }, strict), { maxItems: 16 }),
    createdAt: time,
    rotatedAt: Type.Optional(time),
    revokedAt: Type.Optional(time),
  },
  strict,
);
export type AccessKey = Static<typeof accessKey>;

/** A key as users see it. */
export interface KeyView extends Omit<AccessKey, 'hashes'> {
  state: 'valid' | 'expired' | 'revoked';
  /** Since this queen started; null if it was not used. */
  lastUsedAt: string | null;
}

export const auditRequest = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Number of entries (100)' })),
    key: Type.Optional(Type.String({ maxLength: 64, description: 'Only of the key with this name or id' })),
    operation: Type.Optional(Type.String({ maxLength: 64, description: 'Only of this operation' })),
  },
  strict,
);

/** One line of the audit log: who asked for which operation, from where, and with what result. */
export interface AuditEntry {
  /** When it was asked for, or when it ended; ISO 8601. */
  at: string;
  /** `owner` for this user's own socket, otherwise the name of the key. */
  who: string;
  /** Id of the key. */
  key?: string;
  /** Address of the client; `socket` for this user's own socket. */
  from: string;
  operation: string;
  /** What it was about: names only, such as `hive`, `worker`, `model`. */
  about?: Readonly<Record<string, string>>;
  job?: string;
  outcome: 'started' | 'succeeded' | 'failed' | 'cancelled' | 'refused';
  /** Code of the error. */
  code?: string;
}
