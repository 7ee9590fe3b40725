/** Fields of a package.json, and of one version in a registry. All of it is untrusted. */
export interface PackageDocument {
  name?: unknown;
  version?: unknown;
  description?: unknown;
  license?: unknown;
  deprecated?: unknown;
  dependencies?: unknown;
  optionalDependencies?: unknown;
  scripts?: unknown;
  keywords?: unknown;
  rbee?: unknown;
  dist?: { tarball?: unknown; integrity?: unknown; signatures?: unknown; attestations?: unknown };
  _npmUser?: { name?: unknown };
}
