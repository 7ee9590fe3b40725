/**
 * Examines a package before it is used: its manifest, and its code's description of itself, evaluated in a separate
 * process.
 */
import { RbeeError } from '../../contract/errors.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import { Evaluator } from '../../worker-types/evaluator.ts';
import { type PluginManifest, readManifest } from '../../worker-types/manifest.ts';
import { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { FoundPackage } from '../fetch/fetch-calls.ts';

/** A package with a valid manifest; its types are described unless that requires its dependencies. */
export interface Examined {
  manifest: PluginManifest;
  types: readonly WorkerTypeHandle[];
  /** Null if its code cannot be evaluated without its dependencies. */
  descriptions: readonly TypeDescription[] | null;
  close(): void;
}

/** The expected identity, and whether its code may import dependencies that are not installed yet. */
export type PackageToExamine = Pick<FoundPackage, 'name' | 'version' | 'dependencies'>;

/** Examines the package in `root`. Errors: PACKAGE_REFUSED, PLUGIN_INVALID, PLUGIN_API_VERSION, PLUGIN_FAILED. */
export const examine = async (root: string, found: PackageToExamine): Promise<Examined> => {
  const manifest = await readManifest(root).catch((error) => {
    throw named(error, root, found);
  });
  if (manifest.package !== found.name || manifest.version !== found.version) {
    throw RbeeError.of('PACKAGE_REFUSED', {
      package: `${found.name}@${found.version}`,
      problem: `its package.json says ${manifest.package}@${manifest.version}`,
    });
  }
  const evaluator = new Evaluator(manifest.package, root);
  const types = manifest.workerTypes.map((type) => new WorkerTypeHandle(manifest, type, evaluator));
  try {
    const descriptions = await Promise.all(types.map((type) => type.describe()));
    return { manifest, types, descriptions, close: () => evaluator.close() };
  } catch (error) {
    if (missesPackage(error) && Object.keys(found.dependencies).length > 0) {
      return { manifest, types, descriptions: null, close: () => evaluator.close() };
    }
    evaluator.close();
    throw error;
  }
};

/** The path of a temporary folder means nothing to the user. */
const named = (error: unknown, root: string, { name, version }: PackageToExamine): unknown => {
  if (!(error instanceof RbeeError)) return error;
  const body = error.toJSON();
  return RbeeError.from({ ...body, message: body.message.replaceAll(root, `${name}@${version}`) });
};

const missesPackage = (error: unknown): boolean =>
  error instanceof RbeeError && error.code === 'PLUGIN_FAILED' && /Cannot find (package|module)/.test(error.message);

/** Examines a finished plugin as the hive will use it. Errors: PLUGIN_INVALID, PLUGIN_FAILED. */
export const examineTree = async (root: string, found: Pick<FoundPackage, 'name' | 'version'>): Promise<Examined> => {
  const examined = await examine(root, { ...found, dependencies: {} });
  if (!examined.descriptions) throw new Error('a plugin without missing packages has descriptions');
  return examined;
};
