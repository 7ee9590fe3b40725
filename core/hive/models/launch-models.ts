/** The models of one launch: what was asked for is read before anything is done, and brought in when all else fits. */
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference, type ModelReference } from '../../contract/model-reference.ts';
import type { Narrate } from '../../contract/narration.ts';
import type { WorkerSpec } from '../../contract/worker.ts';
import type { ModelFormat } from '../../contract/worker-type.ts';
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
    // The demo model is whole as it is.
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
      const problem = `worker type ${type.name} loads no model`;
      throw RbeeError.of('INVALID_INPUT', { what: 'model', problem, hint: 'leave --model out' });
    }
    return hiveReference(spec.model, env);
  }
  if (!type.models || type.models.optional) return null;
  const only = await models.onlyOne(type.models.formats);
  if (only !== null) {
    const text = `no model was given: taking ${formatModelReference(only)}, the only one here that ${type.name} loads`;
    narrate({ kind: 'info', text });
    return only;
  }
  if (type.models.demo === undefined) throw RbeeError.of('MODEL_REQUIRED', { type: type.name });
  narrate({ kind: 'info', text: `no model was given: taking the demo model of ${type.name}` });
  return { kind: 'demo' };
};

export interface LaunchUse extends ModelUse {
  hive: string;
  models: Pick<Models, 'find' | 'headers'>;
}

/** The models of a launch, as far as they are here. */
export interface FoundModels {
  /** `main`, and names of components. */
  missing: readonly string[];
  /** Of the main model, where that is here. */
  format: ModelFormat | undefined;
  /** The facts are those of the main model, the bytes those of all; null while one is missing. */
  model: ResolvedModel | null;
}

/** Downloads nothing. Errors: MODEL_… of local models, so that a wrong path is refused before anything is fetched. */
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
    const problem = `only a whole model can be the demo, not its component ${component}`;
    throw RbeeError.of('MODEL_REFERENCE_INVALID', { reference: written, problem });
  }
  return resolveModel(reference, { name: type.name, models: { formats } }, handle.plugin.root, hive, headers);
};
