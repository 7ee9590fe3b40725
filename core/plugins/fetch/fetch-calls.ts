/** The protocol between the hive and its fetch process: plain data over IPC. */
import type { NpmConfigRequest } from './npm-config.ts';
import type { Candidate } from './request.ts';

export type FetchSettings = Omit<NpmConfigRequest, 'env'>;

/** Where a package comes from, before any of it is on this machine. */
export type PackageSource =
  | { kind: 'registry'; candidates: readonly Candidate[]; integrity?: string }
  | { kind: 'tarball'; file: string }
  | { kind: 'remote'; url: string };

export type FetchCall =
  /** Resolves a request to a package. A package that is not from a registry is put into `folder` for that. */
  | { kind: 'resolve'; source: PackageSource; folder: string; settings: FetchSettings }
  /** Unpacks the package into `folder/package` after its integrity has been verified. */
  | { kind: 'unpack'; found: FoundPackage; folder: string; settings: FetchSettings }
  | { kind: 'search'; text: string; settings: FetchSettings }
  /**
   * Extracts one file of a package whose integrity is already known, and writes it into `folder`, compressed with zstd.
   */
  | { kind: 'take'; from: PinnedPackage; folder: string; settings: FetchSettings };

export interface PinnedPackage {
  name: string;
  version: string;
  integrity: string;
  /** Path of the file in the package. */
  member: string;
}

export interface TakenFile {
  /** Absolute path of the file, compressed with zstd. */
  file: string;
  /** Hash of the uncompressed file. */
  sha256: string;
  size: number;
}

/** An exact version of a package. */
export interface FoundPackage {
  name: string;
  version: string;
  /** `sha512-…` of the packed package. */
  integrity: string;
  /** Address or absolute path of the packed package. */
  tarball: string;
  /** Address of the registry; null for a tarball. */
  registry: string | null;
  publisher: Publisher;
  license: string | null;
  description: string;
  deprecated: string | null;
  dependencies: Readonly<Record<string, string>>;
  optionalDependencies: Readonly<Record<string, string>>;
  /** Whether it has scripts that npm would run at install. */
  scripts: boolean;
  /** The `rbee` field of its package.json, unchanged. */
  rbee: unknown;
  signature: Signature;
  /** Why this answer comes from the cache: the reason why the registry could not be asked. */
  stale?: string;
}

export interface Publisher {
  /** The package's scope, or its full name if it has none: names that only their owner can publish under. */
  id: string;
  /** The account that published this version, according to the registry. */
  account: string | null;
}

export interface Signature {
  /** `none`: the registry does not sign, or the package is not from a registry. An invalid signature is an error. */
  state: 'verified' | 'none';
  /** Address of the build that made the package, if its attestation could be verified. */
  provenance: string | null;
  /** Why verification is incomplete. */
  note: string | null;
}

/** Errors of the fetch process, in kinds that the hive turns into catalogue errors. */
export interface FetchFailure {
  kind: 'unreachable' | 'missing' | 'refused' | 'denied' | 'broken';
  what: string;
  problem: string;
  /** For a registry that denies access: its address, and what to do. */
  access?: { registry: string; hint: string };
  /** The package exists in these versions, but not in the requested one. */
  versions?: { asked: string; known: string };
}

export type FetchAnswer = { id: number; value: unknown } | { id: number; failure: FetchFailure };

/** Sent before the answer: bytes received so far. */
export interface FetchProgress {
  id: number;
  bytes: number;
}
