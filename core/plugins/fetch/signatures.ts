/** Verifies registry signatures of packages, and attestations of the builds that made them. */
import pacote from 'pacote';
import type { Signature } from './fetch-calls.ts';
import { FetchError } from './fetch-error.ts';
import type { NpmOptions } from './npm-config.ts';
import type { PackageDocument } from './package-document.ts';
import { askRegistry, registryOf } from './registry-request.ts';

export const noSignature = (note: string): Signature => ({ state: 'none', provenance: null, note });

interface Key {
  expires: string | null;
  keyid: string;
  keytype: string;
  key: string;
  pemkey: string;
}

/** Keys by registry, cached while the process runs. */
const known = new Map<string, Promise<Key[]>>();

/**
 * Verifies the signature of this version. A registry without keys is accepted; a signature that is invalid, or whose
 * key is missing, is refused.
 */
export const verifySignature = async (
  spec: string,
  { dist }: PackageDocument,
  options: NpmOptions,
): Promise<Signature> => {
  if (!Array.isArray(dist?.signatures) || dist.signatures.length === 0)
    return noSignature('the registry does not sign');
  const registry = registryOf(spec, options);
  const keys = await keysOf(registry, options);
  if (keys.length === 0) return noSignature('the registry publishes no keys');
  const { host, pathname } = new URL(registry);
  const settings = { ...options, verifySignatures: true, [`//${host}${pathname}:_keys`]: keys };
  await checked(spec, pacote.manifest(spec, settings));
  if (!dist.attestations) return { state: 'verified', provenance: null, note: null };
  return { state: 'verified', ...(await provenanceOf(spec, settings)) };
};

const checked = async (spec: string, manifest: Promise<unknown>): Promise<void> => {
  try {
    await manifest;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (/SIGNATURE/.test(code ?? '')) throw new FetchError('refused', spec, message, error);
    throw error;
  }
};

interface Attestation {
  predicateType?: string;
  bundle?: { dsseEnvelope?: { payload?: string } };
}

/**
 * Where the package was built. An invalid attestation is refused. If the source of its keys does not answer, it is
 * reported as unverified.
 */
const provenanceOf = async (spec: string, settings: NpmOptions): Promise<Pick<Signature, 'provenance' | 'note'>> => {
  if (settings['offline'] === true)
    return { provenance: null, note: 'its provenance cannot be verified without a network' };
  try {
    const manifest = await pacote.manifest(spec, { ...settings, verifyAttestations: true } as never);
    const { _attestationBundles: bundles = [] } = manifest as unknown as { _attestationBundles?: Attestation[] };
    const url = bundles.map(buildOf).find((one) => one !== null) ?? null;
    return { provenance: url, note: url === null ? 'its attestation does not name a build' : null };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const [problem = ''] = message.split('\n');
    if (isOutOfReach(code, problem)) {
      return { provenance: null, note: `its provenance could not be verified: ${problem}` };
    }
    throw new FetchError('refused', spec, `its attestation is invalid: ${problem}`, error);
  }
};

/** The registry does not provide it, or the signers' keys cannot be fetched. */
const isOutOfReach = (code: string | undefined, problem: string): boolean =>
  code === 'EATTESTATIONVERIFY'
    ? /TUF metadata|(reading|downloading) target|target \S+ not found|No root\.json|was signed by \d+\/\d+ keys/.test(
        problem,
      )
    : code !== undefined && !/^(EATTESTATION|EMISSINGSIGNATUREKEY|EEXPIREDSIGNATUREKEY)/.test(code);

/** Address of its source repository, from either version of SLSA statements. */
const buildOf = ({ predicateType = '', bundle }: Attestation): string | null => {
  if (!predicateType.includes('slsa')) return null;
  const { predicate } = JSON.parse(Buffer.from(bundle?.dsseEnvelope?.payload ?? '', 'base64').toString('utf8')) as {
    predicate?: Predicate;
  };
  const address =
    predicate?.buildDefinition?.externalParameters?.workflow?.repository ?? predicate?.invocation?.configSource?.uri;
  return typeof address === 'string' && /^(git\+)?https:/.test(address) ? address : null;
};

interface Predicate {
  buildDefinition?: { externalParameters?: { workflow?: { repository?: unknown } } };
  invocation?: { configSource?: { uri?: unknown } };
}

const keysOf = (registry: string, options: NpmOptions): Promise<Key[]> => {
  const there = known.get(registry);
  if (there) return there;
  const keys = readKeys(registry, options);
  known.set(registry, keys);
  return keys;
};

const readKeys = async (registry: string, options: NpmOptions): Promise<Key[]> => {
  try {
    const { keys } = (await askRegistry('/-/npm/v1/keys', { ...options, registry })) as {
      keys?: Omit<Key, 'pemkey'>[];
    };
    return (keys ?? []).map((key) => ({
      ...key,
      pemkey: `-----BEGIN PUBLIC KEY-----\n${key.key}\n-----END PUBLIC KEY-----`,
    }));
  } catch (error) {
    const { code } = error as { code?: string };
    // Like npm: a registry without this endpoint does not sign.
    if (code === 'E404' || code === 'E400' || code === 'ENOTCACHED') return [];
    throw error;
  }
};
