/** Looks at a package before anything of it is used: what it says of itself, and what its code says in a process of its own. */
import { RbeeError } from '../../contract/errors.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import { Evaluator } from '../../worker-types/evaluator.ts';
import { type PluginManifest, readManifest } from '../../worker-types/manifest.ts';
import { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { FoundPackage } from '../fetch/fetch-calls.ts';

/** A package whose manifest is in order; its types are described as far as that can be done without its dependencies. */
export interface Examined {
  manifest: PluginManifest;
  types: readonly WorkerTypeHandle[];
  /** Null when its code needs its dependencies to be looked at. */
  descriptions: readonly TypeDescription[] | null;
  close(): void;
}

/** Who it has to be, and whether its code may need what is not there yet. */
export type PackageToExamine = Pick<FoundPackage, 'name' | 'version' | 'dependencies'>;

/** Examines the package in `root`. Errors: PACKAGE_REFUSED, PLUGIN_INVALID, PLUGIN_API_VERSION, PLUGIN_FAILED. */
export const examine = async (root: string, found: PackageToExamine): Promise<Examined> => {
  const manifest = await readManifest(root).catch((error) => {
    throw named(error, root, found);
  });
  if (manifest.package !== found.name || manifest.version !== found.version) {
    throw RbeeError.of('PACKAGE_REFUSED', {
      package: `${found.name}@${found.version}`,
      problem: `inside it calls itself ${manifest.package}@${manifest.version}`,
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

/** A temporary folder means nothing to whoever reads the error. */
const named = (error: unknown, root: string, { name, version }: PackageToExamine): unknown => {
  if (!(error instanceof RbeeError)) return error;
  const body = error.toJSON();
  return RbeeError.from({ ...body, message: body.message.replaceAll(root, `${name}@${version}`) });
};

const missesPackage = (error: unknown): boolean =>
  error instanceof RbeeError && error.code === 'PLUGIN_FAILED' && /Cannot find (package|module)/.test(error.message);

/** Looks at a finished plugin as the hive will. Errors: PLUGIN_INVALID, PLUGIN_FAILED. */
export const examineTree = async (root: string, found: Pick<FoundPackage, 'name' | 'version'>): Promise<Examined> => {
  const examined = await examine(root, { ...found, dependencies: {} });
  if (!examined.descriptions) throw new Error('a plugin without missing packages has descriptions');
  return examined;
};
