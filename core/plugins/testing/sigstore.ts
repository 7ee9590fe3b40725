/**
 * For tests: everything behind a package's provenance, with its own keys: a registry that signs, a transparency log,
 * and the list of trusted keys that npm's library would fetch from sigstore.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Served by a registry at `/-/npm/v1/keys`. */
export interface PublishedKey {
  keyid: string;
  keytype: 'ecdsa';
  scheme: 'ecdsa-sha2-nistp256';
  key: string;
  expires: null;
}

export interface Attested {
  /** npm's notation for a version of a package: `pkg:npm/%40acme/worker-echo@1.0.0`. */
  subject: string;
  /** SHA-512 of the packed package, in hexadecimal. */
  sha512: string;
  /** Its source repository. */
  repository: string;
}

export class TestSigstore {
  readonly #registry = newKey();
  readonly #log = newKey();
  readonly #root = newKey();

  get publishedKey(): PublishedKey {
    const { der } = this.#registry;
    return {
      keyid: 'SHA256:test',
      keytype: 'ecdsa',
      scheme: 'ecdsa-sha2-nistp256',
      key: der.toString('base64'),
      expires: null,
    };
  }

  /** A registry's signature of `name@version:integrity`. */
  signature(message: string): { keyid: string; sig: string } {
    return { keyid: this.publishedKey.keyid, sig: signed(message, this.#registry).toString('base64') };
  }

  /** A package's attestations as the registry serves them. With `forged`, they are signed with another key. */
  attestations({ subject, sha512, repository }: Attested, { forged = false } = {}): unknown {
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: subject, digest: { sha512 } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: { buildDefinition: { externalParameters: { workflow: { repository, ref: 'refs/heads/main' } } } },
    };
    const payloadType = 'application/vnd.in-toto+json';
    const payload = Buffer.from(JSON.stringify(statement));
    const envelope = Buffer.concat([
      Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
      payload,
    ]);
    const sig = signed(envelope, forged ? newKey() : this.#registry).toString('base64');
    const { keyid } = this.publishedKey;
    const dsseEnvelope = { payload: payload.toString('base64'), payloadType, signatures: [{ keyid, sig }] };
    const bundle = {
      mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
      verificationMaterial: { publicKey: { hint: keyid }, tlogEntries: [this.#logEntry(payload, sig)] },
      dsseEnvelope,
    };
    return { attestations: [{ predicateType: statement.predicateType, bundle }] };
  }

  #logEntry(payload: Buffer, signature: string): unknown {
    const payloadHash = { algorithm: 'sha256', value: createHash('sha256').update(payload).digest('hex') };
    const spec = { payloadHash, signatures: [{ signature, verifier: '' }] };
    const body = Buffer.from(canonical({ apiVersion: '0.0.1', kind: 'dsse', spec })).toString('base64');
    const integratedTime = 1_700_000_000;
    const logID = sha256(this.#log.der);
    const promise = canonical({ body, integratedTime, logID: logID.toString('hex'), logIndex: 1 });
    return {
      logIndex: '1',
      logId: { keyId: logID.toString('base64') },
      kindVersion: { kind: 'dsse', version: '0.0.1' },
      integratedTime: String(integratedTime),
      inclusionPromise: { signedEntryTimestamp: signed(promise, this.#log).toString('base64') },
      canonicalizedBody: body,
    };
  }

  /** Writes the trusted keys into npm's cache, as if they had been fetched. `cache` is npm's cache folder. */
  async trustIn(cache: string): Promise<void> {
    const folder = join(cache, '_tuf', 'tuf-repo-cdn.sigstore.dev');
    await mkdir(join(folder, 'targets'), { recursive: true });
    const { der } = this.#log;
    const trusted = JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [
        {
          baseUrl: 'https://log.test',
          hashAlgorithm: 'SHA2_256',
          publicKey: {
            rawBytes: der.toString('base64'),
            keyDetails: 'PKIX_ECDSA_P256_SHA_256',
            validFor: { start: '2020-01-01T00:00:00Z' },
          },
          logId: { keyId: sha256(der).toString('base64') },
        },
      ],
      certificateAuthorities: [],
      ctlogs: [],
      timestampAuthorities: [],
    });
    const target = {
      length: Buffer.byteLength(trusted),
      hashes: { sha256: sha256(Buffer.from(trusted)).toString('hex') },
    };
    const files = {
      'root.json': this.#metadata('root', this.#rootRoles()),
      'timestamp.json': this.#metadata('timestamp', { meta: { 'snapshot.json': { version: 1 } } }),
      'snapshot.json': this.#metadata('snapshot', { meta: { 'targets.json': { version: 1 } } }),
      'targets.json': this.#metadata('targets', { targets: { 'trusted_root.json': target } }),
      'targets/trusted_root.json': trusted,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  }

  #rootRoles(): Record<string, unknown> {
    const key = { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: this.#root.pem } };
    const role = { keyids: [rootKeyId], threshold: 1 };
    return {
      consistent_snapshot: true,
      keys: { [rootKeyId]: key },
      roles: { root: role, timestamp: role, snapshot: role, targets: role },
    };
  }

  /** A file of The Update Framework, signed. */
  #metadata(type: string, more: Record<string, unknown>): string {
    const content = { _type: type, spec_version: '1.0.31', version: 1, expires: '2099-01-01T00:00:00Z', ...more };
    const sig = signed(canonical(content), this.#root).toString('hex');
    return JSON.stringify({ signed: content, signatures: [{ keyid: rootKeyId, sig }] });
  }
}

const rootKeyId = 'a'.repeat(64);

interface Key {
  secret: KeyObject;
  /** The public half. */
  der: Buffer;
  pem: string;
}

const newKey = (): Key => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    secret: privateKey,
    der: publicKey.export({ type: 'spki', format: 'der' }),
    pem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
  };
};

const signed = (message: string | Buffer, { secret }: Key): Buffer => sign('sha256', Buffer.from(message), secret);

const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest();

/** JSON in the form that The Update Framework signs: sorted keys, no spaces, unescaped line ends. */
const canonical = (value: unknown): string => {
  if (typeof value === 'string') return `"${value.replace(/["\\]/g, '\\$&')}"`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
};
