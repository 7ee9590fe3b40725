/** The models of one launch: references are parsed first; files are located after everything else has been checked. */

import type { Narrate } from '../../contract/api/narration.ts';
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference, type ModelReference } from '../../contract/model-reference.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import type { ModelFormat } from '../../contract/worker-type/worker-type.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import type { Call } from './call.ts';
import { hiveReference } from './hive-reference.ts';
import { type LocalReference, type ResolvedModel, resolveModel } from './model-files.ts';
import { componentOf, type Models, type ModelUse } from './models.ts';

export interface WantedModels {
  main: ModelReference;
  components: Readonly<Record<string, ModelReference>>;
}

interface WantedContext {
  models: Pick<Models, 'onlyOne'>;
  narrate: Narrate;
  env: NodeJS.ProcessEnv;
}

/** Null for a type that runs without a model. Errors: MODEL_REQUIRED, MODEL_REFERENCE_INVALID, MODEL_COMPONENT_…, INVALID_INPUT. */
export const wantedModels = async (
  spec: WorkerSpec,
  type: TypeDescription,
  context: WantedContext,
): Promise<WantedModels | null> => {
  const main = await mainModel(spec, type, context);
  const given = Object.entries(spec.components ?? {});
  const components = Object.fromEntries(
    given.map(([name, reference]) => {
      componentOf(type, name);
      return [name, hiveReference(reference, context.env)];
    }),
  );
  if (main === null) return null;
  for (const [component, { required, description }] of Object.entries(type.models?.components ?? {})) {
    // The demo model has no components.
    if (!required || main.kind === 'demo' || Object.hasOwn(components, component)) continue;
    throw RbeeError.of('MODEL_COMPONENT_MISSING', { type: type.name, component, description });
  }
  return { main, components };
};

const mainModel = async (
  spec: WorkerSpec,
  type: TypeDescription,
  { models, narrate, env }: WantedContext,
): Promise<ModelReference | null> => {
  if (spec.model !== undefined) {
    if (!type.models) {
      const problem = `worker type ${type.name} does not load models`;
      throw RbeeError.of('INVALID_INPUT', { what: 'model', problem, hint: 'leave --model out' });
    }
    return hiveReference(spec.model, env);
  }
  if (!type.models || type.models.optional) return null;
  const only = await models.onlyOne(type.models.formats);
  if (only !== null) {
    const text = `no model given: using ${formatModelReference(only)}, the only downloaded one that ${type.name} loads`;
    narrate({ kind: 'info', text });
    return only;
  }
  if (type.models.demo === undefined) throw RbeeError.of('MODEL_REQUIRED', { type: type.name });
  narrate({ kind: 'info', text: `no model given: using the demo model of ${type.name}` });
  return { kind: 'demo' };
};

export interface LaunchUse extends ModelUse {
  hive: string;
  models: Pick<Models, 'find' | 'headers'>;
}

/** Those models of a launch that are on disk. */
export interface FoundModels {
  /** `main`, and names of components. */
  missing: readonly string[];
  /** Facts about the main model, if it is on disk. */
  format: ModelFormat | undefined;
  /** `facts` describes the main model; `bytes` is the total size, null while one is missing. */
  model: ResolvedModel | null;
}

/**
 * Downloads nothing. Errors: MODEL_… for local models, so that a wrong path is refused before anything is downloaded.
 */
export const findModels = async (
  { main, components }: WantedModels,
  use: LaunchUse,
  call: Call,
): Promise<FoundModels> => {
  const find = (reference: ModelReference, of: LaunchUse): Promise<ResolvedModel | null> =>
    isLocal(reference) ? localModel(reference, of) : use.models.find(reference, of, call);
  const missing: string[] = [];
  const first = await find(main, use);
  const all = first && { files: { ...first.files }, facts: { ...first.facts } };
  if (!first) missing.push('main');
  for (const [component, reference] of Object.entries(components)) {
    const part = await find(reference, { ...use, component });
    if (!part) missing.push(component);
    else if (all) {
      all.files[component] = part.files['main'] ?? '';
      all.facts.bytes += part.facts.bytes;
    }
  }
  return { missing, format: first?.facts.format, model: missing.length === 0 ? all : null };
};

const isLocal = (reference: ModelReference): reference is LocalReference =>
  reference.kind === 'demo' || reference.kind === 'file';

const localModel = async (
  reference: LocalReference,
  { type, handle, hive, component, models: { headers } }: LaunchUse,
): Promise<ResolvedModel> => {
  if (component === undefined) return resolveModel(reference, type, handle.plugin.root, hive, headers);
  const formats = componentOf(type, component).formats ?? type.models?.formats ?? [];
  const written = formatModelReference(reference);
  if (reference.kind === 'demo') {
    const problem = `demo is only allowed as the main model, not as the component ${component}`;
    throw RbeeError.of('MODEL_REFERENCE_INVALID', { reference: written, problem });
  }
  return resolveModel(reference, { name: type.name, models: { formats } }, handle.plugin.root, hive, headers);
};
