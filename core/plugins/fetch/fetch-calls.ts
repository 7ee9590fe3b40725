/** What the hive asks of the fetching process, and what that answers: plain data over IPC. */
import type { NpmConfigRequest } from './npm-config.ts';
import type { Candidate } from './request.ts';

export type FetchSettings = Omit<NpmConfigRequest, 'env'>;

/** Where a package comes from before anything of it is on this machine. */
export type PackageSource =
  | { kind: 'registry'; candidates: readonly Candidate[]; integrity?: string }
  | { kind: 'tarball'; file: string }
  | { kind: 'remote'; url: string };

export type FetchCall =
  /** Finds out what a request means. A package that is no registry's is put into `folder` for that. */
  | { kind: 'resolve'; source: PackageSource; folder: string; settings: FetchSettings }
  /** Puts the package into `folder/package`, once its integrity is known to be right. */
  | { kind: 'unpack'; found: FoundPackage; folder: string; settings: FetchSettings }
  | { kind: 'search'; text: string; settings: FetchSettings }
  /** Takes one file out of a package whose integrity is known beforehand, and puts it into `folder`, packed with zstd. */
  | { kind: 'take'; from: PinnedPackage; folder: string; settings: FetchSettings };

export interface PinnedPackage {
  name: string;
  version: string;
  integrity: string;
  /** Path of the file in the package. */
  member: string;
}

export interface TakenFile {
  /** Absolute path of the file, packed with zstd. */
  file: string;
  /** Of the file as it is in the package. */
  sha256: string;
  size: number;
}

/** A package of one exact version. */
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
  /** Does it bring scripts that npm would run at install? */
  scripts: boolean;
  /** The `rbee` field of its package.json, as it stands there. */
  rbee: unknown;
  signature: Signature;
  /** Why this is only what the registry said before, where it cannot be asked now. */
  stale?: string;
}

export interface Publisher {
  /** The scope of the package, or its whole name when it has none: what a registry lets only its owner publish under. */
  id: string;
  /** The account that published this version, as the registry tells. */
  account: string | null;
}

export interface Signature {
  /** `none`: the registry signs nothing, or it is no registry's. A signature that is wrong is an error. */
  state: 'verified' | 'none';
  /** Address of the build that made the package, when its attestation could be verified. */
  provenance: string | null;
  /** Why less is known than could be. */
  note: string | null;
}

/** Errors of the fetching process: what went wrong, in kinds that the hive turns into errors of the catalogue. */
export interface FetchFailure {
  kind: 'unreachable' | 'missing' | 'refused' | 'denied' | 'broken';
  what: string;
  problem: string;
  /** Of a registry that refuses: which it is, and what to do. */
  access?: { registry: string; hint: string };
  /** The package is there, in these versions and not in the one that was asked for. */
  versions?: { asked: string; known: string };
}

export type FetchAnswer = { id: number; value: unknown } | { id: number; failure: FetchFailure };

/** Comes before the answer: bytes that have arrived. */
export interface FetchProgress {
  id: number;
  bytes: number;
}
