/** The package.json of a packed package, read without unpacking the rest. */
import { FetchError } from './fetch-error.ts';
import type { PackageDocument } from './package-document.ts';
import { surveyPackage } from './unpack-package.ts';

export const readPackedManifest = async (file: string, from: string): Promise<PackageDocument> => {
  const { manifest } = await surveyPackage(file, from);
  try {
    const document: unknown = JSON.parse(manifest ?? '');
    if (typeof document === 'object' && document !== null) return document;
  } catch {
    // Reported below.
  }
  throw new FetchError('refused', from, 'it has no readable package.json');
};
