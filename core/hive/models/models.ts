/** The models of this hive: operations on them, and lookup for workers. */
import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import {
  formatModelReference,
  looksLikeReference,
  type ModelReference,
  parseModelReference,
  servedName,
} from '../../contract/model-reference.ts';
import type { ModelAction, ModelDetails, ModelRequestOf, ModelResults } from '../../contract/models.ts';
import type { ModelFormat } from '../../contract/worker-type/worker-type.ts';
import type { RetryPolicy } from '../../download/retry.ts';
import { didYouMean } from '../../narration/near.ts';
import type { WorkerTypes } from '../../plugins/worker-types.ts';
import type { TypeDescription } from '../../worker-types/description.ts';
import { resolveOptions } from '../../worker-types/worker-options.ts';
import type { WorkerTypeHandle } from '../../worker-types/worker-type-handle.ts';
import type { Call } from './call.ts';
import { collect } from './collect.ts';
import type { Loader } from './files/choose-for-loader.ts';
import { modelProblem } from './files/content.ts';
import type { GgufHeaders } from './gguf/gguf-headers.ts';
import { hiveReference } from './hive-reference.ts';
import type { Manifest } from './manifest.ts';
import { absolutePath, factsOf, headOf, type ResolvedModel } from './model-files.ts';
import { type InstalledModel, ModelInstaller } from './model-installer.ts';
import { type ModelUser, modelUsers } from './model-users.ts';
import { detailsOf, fileManifest, type ViewParts, viewOf } from './model-view.ts';
import type { RemoteReference } from './plan-model.ts';
import { ModelStore, namesIn } from './store.ts';
import { verifyModel } from './verify.ts';

export interface ModelsOptions {
  hive: string;
  /** Data folder of the hive. */
  data: string;
  /** Folder of its run records. */
  runs: string;
  env: NodeJS.ProcessEnv;
  types: WorkerTypes;
  retry: RetryPolicy;
  /** Cache of GGUF headers. */
  headers: GgufHeaders;
}

/** A worker that needs a model. */
export interface ModelUse {
  handle: WorkerTypeHandle;
  type: TypeDescription;
  options: Readonly<Record<string, unknown>>;
  /** Name of the component; the main model if absent. */
  component?: string;
}

type Actions = {
  [Action in ModelAction]: (request: ModelRequestOf<Action>, call: Call) => Promise<ModelResults[Action]>;
};

export class Models implements Actions {
  readonly #options: ModelsOptions;
  readonly #store: ModelStore;
  readonly #installer: ModelInstaller;

  constructor(options: ModelsOptions) {
    this.#options = options;
    this.#store = new ModelStore(options.data);
    this.#installer = new ModelInstaller({ ...options, store: this.#store });
  }

  get headers(): GgufHeaders {
    return this.#options.headers;
  }

  /** A model for a worker; null if it is not on disk completely. Errors: MODEL_*, PLUGIN_FAILED. */
  async find(reference: RemoteReference, use: ModelUse, call: Call): Promise<ResolvedModel | null> {
    const loader = loaderOf(use);
    if (!(await this.#installer.isHere(reference, loader))) return null;
    const { path, manifest } = await this.#installer.ensure(reference, { loader }, call);
    const { hive, headers } = this.#options;
    const facts = await factsOf(path, { ...loader, hive, headers, reference: manifest.reference });
    return { files: { main: path }, facts };
  }

  /** The only downloaded model with one of these formats; null if there is none or several. */
  async onlyOne(formats: readonly ModelFormat[]): Promise<ModelReference | null> {
    const { models } = await this.list();
    const fitting = models.filter(
      ({ addedAt, complete, format }) => addedAt !== null && complete && format !== null && formats.includes(format),
    );
    const [only] = fitting;
    return only && fitting.length === 1 ? parseModelReference(only.model) : null;
  }

  async download(request: ModelRequestOf<'download'>, call: Call): Promise<ModelDetails> {
    const { model, update } = request;
    const reference = hiveReference(model, this.#options.env);
    if (reference.kind === 'demo') {
      const problem = 'the demo model is part of its worker type and is not downloaded';
      throw RbeeError.of('INVALID_INPUT', {
        what: 'model',
        problem,
        hint: 'use it with: rbee worker spawn --model demo',
      });
    }
    if (reference.kind === 'file') return this.#addFile(reference);
    const loader = await this.#loaderFor(request);
    const formats = loader?.formats ?? (await this.#loadable());
    const ensured: InstalledModel = await this.#installer.ensure(
      reference,
      { ...(loader && { loader }), formats, ...(update && { update }) },
      call,
    );
    const details = await detailsOf(ensured.manifest, await this.#viewParts(), ensured.changed);
    const { format } = details;
    // Not an error: the user may install the worker type next.
    if (format !== null && !formats.includes(format)) {
      const who = loader ? `${loader.type} does not load` : 'no installed worker type loads';
      const hint = 'search for one with: rbee plugins search';
      call.narrate({ kind: 'warning', text: `${details.model} is ${format}, which ${who}`, hint });
    }
    return details;
  }

  /** Records a listing that the queen obtained. The next `download` works without network. */
  async offer({ offer, ...request }: ModelRequestOf<'offer'>, call: Call): Promise<ModelResults['offer']> {
    const reference = parseModelReference(request.model);
    if (reference.kind === 'demo' || reference.kind === 'file') return { files: [] };
    const { update } = request;
    const loader = await this.#loaderFor(request);
    const options = { ...(loader && { loader }), ...(update && { update }) };
    return { files: await this.#installer.take(reference, offer, options, call) };
  }

  async list(): Promise<ModelResults['list']> {
    const parts = await this.#viewParts();
    const all = await Promise.all((await this.#all(parts.users)).map((manifest) => detailsOf(manifest, parts)));
    return { models: all.map(viewOf) };
  }

  /** Errors: MODEL_NOT_DOWNLOADED. */
  async get({ model }: ModelRequestOf<'get'>): Promise<ModelDetails> {
    const parts = await this.#viewParts();
    return detailsOf(await this.#find(model, parts.users), parts);
  }

  /** Errors: MODEL_NOT_DOWNLOADED, MODEL_IN_USE, MODEL_BUSY. */
  async delete({ model }: ModelRequestOf<'delete'>): Promise<ModelResults['delete']> {
    const parts = await this.#viewParts();
    const manifest = await this.#find(model, parts.users);
    const details = await detailsOf(manifest, parts, true);
    const { reference } = manifest;
    if (details.workers.length > 0)
      throw RbeeError.of('MODEL_IN_USE', { model: reference, workers: details.workers.join(' ') });
    const remote = remoteOf(manifest);
    if (remote && (await this.#installer.busy(remote, manifest)))
      throw RbeeError.of('MODEL_BUSY', { model: reference });
    const leftovers = remote ? await this.#installer.parts(remote, manifest) : [];
    await this.#store.update(reference, () => null);
    if (remote) await this.#removeContents(manifest, leftovers);
    return viewOf(details);
  }

  async verify({ model }: ModelRequestOf<'verify'>, call: Call): Promise<ModelResults['verify']> {
    const users = await modelUsers(this.#options.runs);
    const manifests = model === undefined ? await this.#store.list() : [await this.#find(model, users)];
    const models: ModelResults['verify']['models'][number][] = [];
    for (const manifest of manifests) {
      call.signal.throwIfAborted();
      if (manifest.source === 'file') models.push(await this.#verifyFile(manifest));
      else models.push(await verifyModel(this.#store, manifest, call));
    }
    return { models };
  }

  async gc({ dryRun = false }: ModelRequestOf<'gc'>): Promise<ModelResults['gc']> {
    return collect({ store: this.#store, users: await modelUsers(this.#options.runs), dryRun, now: Date.now() });
  }

  /** A file of the user: only recorded, never copied or removed. */
  async #addFile(reference: Extract<ModelReference, { kind: 'file' }>): Promise<ModelDetails> {
    const path = absolutePath(reference);
    const there = await stat(path).catch((error) => {
      throw RbeeError.of('MODEL_FILE_MISSING', { path, hive: this.#options.hive }, { cause: error });
    });
    const written = formatModelReference(reference);
    if (there.isFile()) {
      const problem = modelProblem(path, await headOf(path), await this.#loadable());
      if (problem !== undefined)
        throw RbeeError.of('MODEL_CONTENT_INVALID', { file: basename(path), model: written, problem, page: path });
    }
    const before = await this.#store.read(written);
    const manifest = before ?? fileManifest(written, new Date().toISOString());
    if (before === null) await this.#store.update(written, () => manifest);
    return detailsOf(manifest, await this.#viewParts(), before === null);
  }

  async #verifyFile({ reference }: Manifest): Promise<ModelResults['verify']['models'][number]> {
    const parsed = parseModelReference(reference);
    const path = parsed.kind === 'file' ? parsed.path : '';
    const there = await stat(path).catch(() => null);
    const problems = there === null ? [{ path, problem: 'it no longer exists' }] : [];
    return { model: reference, files: 0, bytes: 0, problems };
  }

  /** Downloaded and added models, and files that workers were started with. */
  async #all(users: readonly ModelUser[]): Promise<Manifest[]> {
    const stored = await this.#store.list();
    const known = new Set(stored.map(({ reference }) => reference));
    const used = new Set(users.flatMap(({ references }) => references).filter((text) => text.startsWith('file:/')));
    return [...stored, ...[...used].filter((text) => !known.has(text)).map((text) => fileManifest(text, ''))];
  }

  /** By reference or served name. Errors: MODEL_NOT_DOWNLOADED, MODEL_REFERENCE_INVALID. */
  async #find(text: string, users: readonly ModelUser[]): Promise<Manifest> {
    const all = await this.#all(users);
    const written = looksLikeReference(text)
      ? formatModelReference(hiveReference(text, this.#options.env))
      : `hf:${text}`;
    const exact = all.find(({ reference }) => reference === written);
    if (exact) return exact;
    const nameOf = ({ reference }: Manifest) => servedName(parseModelReference(reference));
    const named = all.filter((manifest) => nameOf(manifest) === text.toLowerCase());
    const [only] = named;
    if (only && named.length === 1) return only;
    if (only) {
      const problem = `several models have the name ${text}`;
      const hint = `say which: ${named.map(({ reference }) => reference).join(', ')}`;
      throw RbeeError.of('INVALID_INPUT', { what: 'model', problem, hint });
    }
    const near = didYouMean(text, [...all.map(({ reference }) => reference), ...all.map(nameOf)]);
    const reference = looksLikeReference(text) ? written : 'hf:org/repo';
    throw RbeeError.of('MODEL_NOT_DOWNLOADED', { model: text, hive: this.#options.hive, near, reference });
  }

  /** Removes the folder of a deleted model, and its files unless other models share them. */
  async #removeContents(manifest: Manifest, leftovers: readonly string[]): Promise<void> {
    const prefix = this.#store.treePrefix(manifest.reference);
    const folder = dirname(prefix);
    for (const name of await namesIn(folder)) {
      const tree = join(folder, name);
      if (tree === prefix || tree.startsWith(`${prefix}-`)) await rm(tree, { recursive: true, force: true });
    }
    const needed = new Set((await this.#store.list()).flatMap(({ files }) => files.map(({ blob }) => blob)));
    for (const { blob } of manifest.files) {
      if (blob !== null && !needed.has(blob)) await rm(this.#store.blob(blob), { force: true });
    }
    for (const part of leftovers)
      for (const ending of ['.part', '.part.json']) await rm(part + ending, { force: true });
  }

  async #loaderFor({ type, options, component }: Omit<ModelRequestOf<'download'>, 'model'>) {
    return type === undefined ? undefined : loaderOf(await this.#useOf(type, options, component));
  }

  async #useOf(
    name: string,
    given: Record<string, unknown> | undefined,
    component: string | undefined,
  ): Promise<ModelUse> {
    const handle = await this.#options.types.get(name);
    const type = await handle.describe();
    return { handle, type, options: resolveOptions(type, given), ...(component !== undefined && { component }) };
  }

  async #viewParts(): Promise<ViewParts & { users: ModelUser[] }> {
    const users = await modelUsers(this.#options.runs);
    const { hive, headers } = this.#options;
    return { hive, headers, store: this.#store, users, download: (manifest) => this.#download(manifest) };
  }

  async #download(manifest: Manifest): Promise<Awaited<ReturnType<ViewParts['download']>>> {
    const remote = remoteOf(manifest);
    if (remote === null) return { begunBytes: 0, downloading: false };
    const [begunBytes, downloading] = await Promise.all([
      this.#installer.begun(remote, manifest),
      this.#installer.busy(remote, manifest),
    ]);
    return { begunBytes, downloading };
  }

  /** Formats that installed worker types load. */
  async #loadable(): Promise<ModelFormat[]> {
    const { types } = this.#options;
    const described = await Promise.allSettled(
      types.list().map(async ({ type }) => (await types.get(type)).describe()),
    );
    const all = described.flatMap((one) => (one.status === 'fulfilled' ? [one.value.models] : []));
    return [
      ...new Set(
        all.flatMap((models) => [
          ...(models?.formats ?? []),
          ...Object.values(models?.components ?? {}).flatMap(({ formats }) => formats ?? []),
        ]),
      ),
    ];
  }
}

const remoteOf = ({ reference }: Manifest): RemoteReference | null => {
  const parsed = parseModelReference(reference);
  return parsed.kind === 'hf' || parsed.kind === 'https' ? parsed : null;
};

/** Errors: INVALID_INPUT for a type without models, MODEL_COMPONENT_UNKNOWN. */
const loaderOf = ({ handle, type, options, component }: ModelUse): Loader & { formats: readonly ModelFormat[] } => {
  if (!type.models) {
    const problem = `worker type ${type.name} does not load models`;
    throw RbeeError.of('INVALID_INPUT', { what: 'model', problem, hint: 'leave the model out' });
  }
  if (component === undefined) {
    const choose: Loader['choose'] = (files) => chosenBy(handle, files, options);
    return { type: type.name, formats: type.models.formats, choose };
  }
  const known = componentOf(type, component);
  return { type: type.name, formats: known.formats ?? type.models.formats, component };
};

/** A component that the type knows. Errors: MODEL_COMPONENT_UNKNOWN. */
export const componentOf = (type: TypeDescription, component: string) => {
  const components = type.models?.components ?? {};
  const known = Object.hasOwn(components, component) ? components[component] : undefined;
  if (known) return known;
  const names = Object.keys(components);
  throw RbeeError.of('MODEL_COMPONENT_UNKNOWN', {
    type: type.name,
    component,
    near: didYouMean(component, names),
    known: names.join(', ') || 'none',
  });
};

/** The choice of the worker type. Errors: PLUGIN_FAILED if it names files that do not exist. */
const chosenBy = async (
  handle: WorkerTypeHandle,
  files: Parameters<WorkerTypeHandle['selectFiles']>[0],
  options: Readonly<Record<string, unknown>>,
): Promise<string[] | undefined> => {
  const chosen = await handle.selectFiles(files, options);
  const known = new Set(files.map(({ path }) => path));
  const invented = chosen?.find((path) => !known.has(path));
  if (invented === undefined) return chosen;
  const problem = `it chose ${invented}, which the repository does not have`;
  throw RbeeError.of('PLUGIN_FAILED', { plugin: handle.plugin.package, member: 'selectFiles', problem });
};
