/** Whether a package may be installed, and whether its publisher is known. Pure. */
import { RbeeError } from '../../contract/errors.ts';
import type { UnknownPublisher } from '../../contract/worker-type/needs.ts';
import type { IndexEntry } from '../plugin-index.ts';
import type { FoundPackage } from './fetch-calls.ts';

export interface TrustPolicy {
  /** `[registry] allowed_scopes`. Unless empty, only these scopes may be installed. */
  allowedScopes: readonly string[];
  /** What the user has confirmed: `name@version` with its integrity. */
  accepted?: string;
  /** The user has confirmed any package in advance. */
  yes?: boolean;
}

/** The publisher of a name: its scope, or the name itself if it has none. */
export const ownerOf = (name: string): string => (name.startsWith('@') ? (name.split('/')[0] ?? name) : name);

/** rbee's own scope: anyone who runs rbee already trusts it. */
export const ownScope = '@rbee';

/** Identifies the exact package, so that only what was confirmed gets installed. */
export const identityOf = ({ name, version, integrity }: FoundPackage): string => `${name}@${version} ${integrity}`;

/** The publisher that the user must confirm before this is fetched. Errors: SCOPE_NOT_ALLOWED. */
export const unknownPublisher = (
  found: FoundPackage,
  installed: readonly IndexEntry[],
  policy: TrustPolicy,
): UnknownPublisher | undefined => {
  const { id } = found.publisher;
  const allowed = policy.allowedScopes;
  if (allowed.length > 0 && !allowed.includes(id)) {
    throw RbeeError.of('SCOPE_NOT_ALLOWED', { package: found.name, allowed: allowed.join(', ') });
  }
  if (policy.yes || policy.accepted === identityOf(found) || isKnown(found, installed, allowed)) return undefined;
  return {
    identity: identityOf(found),
    package: `${found.name}@${found.version}`,
    publisher: publisherText(found),
    about: aboutPackage(found),
  };
};

/** Errors: SCOPE_NOT_ALLOWED, PUBLISHER_UNKNOWN. */
export const checkTrust = (found: FoundPackage, installed: readonly IndexEntry[], policy: TrustPolicy): void => {
  const unknown = unknownPublisher(found, installed, policy);
  if (unknown) throw publisherUnknown(unknown);
};

/** The refusal of an unknown publisher; its first line is the identity to accept. */
export const publisherUnknown = ({ package: name, publisher, identity, about }: UnknownPublisher): RbeeError =>
  RbeeError.of('PUBLISHER_UNKNOWN', { package: name, publisher }, { lines: [identity, ...about] });

/**
 * The exact package is known, wherever it comes from. A file can claim any name; in a registry, only the name's owner
 * can publish it.
 */
const isKnown = (found: FoundPackage, installed: readonly IndexEntry[], allowed: readonly string[]): boolean => {
  const { id } = found.publisher;
  const isSame = installed.some(({ integrity }) => integrity === found.integrity);
  if (isSame || found.registry === null) return isSame;
  const before = installed.some((entry) => entry.publisher === id && entry.registry === found.registry);
  return id === ownScope || allowed.includes(id) || before;
};

const publisherText = ({ registry, publisher: { id, account } }: FoundPackage): string => {
  if (registry === null) return 'a file of unknown origin';
  return account === null || `@${account}` === id ? id : `${id} (published by ${account})`;
};

/** `verified`, with the source repository if known; or why it is not verified. */
export const signatureText = ({ signature }: Pick<FoundPackage, 'signature'>): string => {
  if (signature.state === 'none') return signature.note ?? 'none';
  return signature.provenance === null ? 'verified' : `verified, built from ${signature.provenance}`;
};

/** Facts that help the user to decide whether to trust a package. */
export const aboutPackage = (found: FoundPackage): string[] => [
  `from ${found.registry ?? 'a file'}, ${found.license ?? 'without a licence'}`,
  found.signature.state === 'verified' ? 'signed by the registry' : `not signed: ${found.signature.note}`,
  ...(found.signature.provenance === null ? [] : [`built from ${found.signature.provenance}`]),
  ...(found.scripts ? ['it has install scripts, which do not run unless you add --allow-scripts'] : []),
];
