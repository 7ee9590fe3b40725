/** Makes a model be here: asks the hub what it is only if nobody has before, and brings in only what is missing. */
import { basename, join } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference, type ModelReference } from '../../contract/model-reference.ts';
import type { ModelOffer, NeededModelFile } from '../../contract/models.ts';
import type { ModelFormat, RepositoryFile } from '../../contract/worker-type.ts';
import type { RetryPolicy } from '../../download/retry.ts';
import type { Call } from './call.ts';
import { chooseFiles, selectFiles } from './choose-files.ts';
import { Downloads, type Source } from './downloads.ts';
import type { GgufHeaders } from './gguf-headers.ts';
import { quantizationNames, readGgufView } from './gguf-metadata.ts';
import { type HubListing, openHub } from './hub.ts';
import { type MainFile, mainFile } from './main-file.ts';
import { type Manifest, type ManifestFile, wantedFiles } from './manifest.ts';
import { isSafePath } from './safe-path.ts';
import { SharedWork } from './shared-work.ts';
import { type ModelStore, partName } from './store.ts';

export type RemoteReference = Extract<ModelReference, { kind: 'hf' | 'https' }>;

/** Who will load a model, as far as the choice of its files goes. */
export interface Loader {
  /** Worker type, for errors. */
  type: string;
  formats: readonly ModelFormat[];
  /** Name of the component that it is to be. */
  component?: string;
  /** The type's own choice; undefined where it leaves that to the hive. */
  choose?: (files: readonly RepositoryFile[]) => Promise<readonly string[] | undefined>;
}

export interface EnsureOptions {
  loader?: Loader;
  /** What is loaded at all, where no loader is named. */
  formats?: readonly ModelFormat[];
  /** Ask for a newer revision although something is here. */
  update?: boolean;
  /** Somebody else has chosen: these files of what the source has. */
  chosen?: { of: Manifest; paths: readonly string[] };
}

export interface Ensured {
  manifest: Manifest;
  main: MainFile;
  /** What the engine is given. */
  path: string;
  /** Was anything brought in? */
  changed: boolean;
}

export interface EnsurerOptions {
  hive: string;
  store: ModelStore;
  env: NodeJS.ProcessEnv;
  retry: RetryPolicy;
  headers: GgufHeaders;
}

export class Ensurer {
  readonly #options: EnsurerOptions;
  readonly #downloads: Downloads;
  readonly #listings = new SharedWork<HubListing>();

  constructor(options: EnsurerOptions) {
    this.#options = options;
    this.#downloads = new Downloads(options);
  }

  /** Errors: those of the catalogue that begin with MODEL_, NO_SPACE, PLUGIN_FAILED, STATE_UNWRITABLE. */
  async ensure(
    reference: RemoteReference,
    { loader, formats = loader?.formats, update = false, chosen: given }: EnsureOptions,
    call: Call,
  ): Promise<Ensured> {
    const { store } = this.#options;
    const written = formatModelReference(reference);
    const before = await store.read(written);
    const known = given?.of ?? (before !== null && !update ? before : await this.#ask(reference, before, call));
    const narrate = before === null ? call.narrate : () => {};
    const chosen = given ? new Set(given.paths) : await this.#choose(reference, known, loader, narrate);
    const { here, missing } = await this.#compare(known, chosen);
    if (missing.length > 0) this.#refuseOffline(reference);
    let manifest = await this.#want(known, here, known !== before);
    if (missing.length > 0) {
      const source = await this.#source(reference, manifest, formats);
      await this.#fetch(source, manifest, missing, call).catch(async (error) => {
        if (before === null) await this.#forgetEmpty(reference, manifest);
        throw error;
      });
      manifest = (await store.read(written)) ?? manifest;
    }
    const main = mainFile([...chosen], { formats: loader?.formats, select: selectOf(reference) });
    await this.#show(manifest, chosen);
    const whole = await this.#describe(await this.#complete(manifest), main);
    return {
      manifest: whole,
      main,
      path: join(store.tree(whole), main.path),
      changed: missing.length > 0 || known.commit !== before?.commit || before === null,
    };
  }

  /** Are all files that the loader needs on this disk? Uses no network. */
  async isHere(reference: RemoteReference, loader: Loader): Promise<boolean> {
    const known = await this.#options.store.read(formatModelReference(reference));
    if (known === null) return false;
    const { missing } = await this.#compare(known, await this.#choose(reference, known, loader, () => {}));
    return missing.length === 0;
  }

  /** What is known of it here, or else what its source has. */
  async look(reference: RemoteReference, { update = false }: EnsureOptions, call: Call): Promise<Manifest> {
    const before = await this.#options.store.read(formatModelReference(reference));
    return before !== null && !update ? before : this.#ask(reference, before, call);
  }

  /**
   * Keeps an offer as what the source has, without asking the source, and says what is missing of it. The next `ensure`
   * takes in what was put where downloads are kept. Errors: as `ensure`, but those of a network.
   */
  async take(
    reference: RemoteReference,
    offer: ModelOffer,
    { loader, update = false }: EnsureOptions,
    { narrate }: Call,
  ): Promise<NeededModelFile[]> {
    const { store } = this.#options;
    const before = await store.read(formatModelReference(reference));
    if (before !== null && !update) {
      const { missing } = await this.#compare(before, await this.#choose(reference, before, loader, () => {}));
      if (missing.length === 0) return [];
    }
    const isSame = before !== null && before.commit !== null && before.commit === offer.commit;
    const files = offer.files.filter(({ path }) => isSafePath(path));
    const known = isSame ? before : manifestOf(reference, before, { commit: offer.commit, files });
    const { here, missing } = await this.#compare(known, await this.#choose(reference, known, loader, narrate));
    if (missing.length > 0) this.#refuseOffline(reference);
    await this.#want(known, here, known !== before);
    return missing.map(({ path }) => ({ path }));
  }

  /** The name under which a download of each file is kept, by its path: the same on every machine. */
  async partNames(reference: RemoteReference, manifest: Manifest): Promise<ReadonlyMap<string, string>> {
    const { plainAddress } = await this.#source(reference, manifest);
    return new Map(manifest.files.map((file) => [file.path, partName(file, plainAddress(file.path))]));
  }

  /** Is something of this model on its way? */
  async busy(reference: RemoteReference, manifest: Manifest): Promise<boolean> {
    const written = formatModelReference(reference);
    return this.#listings.has(written) || this.#downloads.busy(manifest.files, await this.#source(reference, manifest));
  }

  /** Where the parts of its downloads are kept. */
  async parts(reference: RemoteReference, manifest: Manifest): Promise<string[]> {
    const { plainAddress } = await this.#source(reference, manifest);
    return wantedFiles(manifest).map((file) => this.#options.store.part(file, plainAddress(file.path)));
  }

  /** Bytes of its files that have come and are not whole yet. */
  async begun(reference: RemoteReference, manifest: Manifest): Promise<number> {
    return this.#downloads.begun(wantedFiles(manifest), await this.#source(reference, manifest));
  }

  /** What the source has. Nothing is written down yet. */
  async #ask(reference: RemoteReference, before: Manifest | null, { narrate, signal }: Call): Promise<Manifest> {
    const written = formatModelReference(reference);
    const listing = reference.kind === 'https' ? single(reference) : await this.#list(reference, { narrate, signal });
    if (listing.unsafe.length > 0) {
      narrate({
        kind: 'warning',
        text: `${written}: left out ${listing.unsafe.length} files whose names no folder can hold`,
      });
    }
    return manifestOf(reference, before, listing);
  }

  async #list(reference: Extract<RemoteReference, { kind: 'hf' }>, { narrate, signal }: Call): Promise<HubListing> {
    this.#refuseOffline(reference);
    const hub = await openHub(this.#options);
    const written = formatModelReference(reference);
    const id = `look up ${written}`;
    narrate({ kind: 'step', id, text: `looking up ${written} at ${new URL(hub.endpoint).host}` });
    const listing = await this.#listings.join(written, (shared) => hub.list(reference, { narrate, signal: shared }), {
      signal,
    });
    narrate({ kind: 'done', id, text: `${written} is at commit ${listing.commit?.slice(0, 12)}` });
    return listing;
  }

  async #choose(
    reference: RemoteReference,
    manifest: Manifest,
    loader: Loader | undefined,
    narrate: Call['narrate'],
  ): Promise<ReadonlySet<string>> {
    const model = manifest.reference;
    const all = manifest.files.map(({ path, bytes }) => ({ path, bytes: bytes ?? 0 }));
    const quantizations = await quantizationNames();
    const select = selectOf(reference);
    const files = select === undefined ? all : selectFiles(all, { model, select, quantizations });
    const isFolder =
      select !== undefined && files.every(({ path }) => path.startsWith(`${select.replace(/\/$/, '')}/`));
    if (reference.kind === 'https' || (select !== undefined && !isFolder))
      return new Set(files.map(({ path }) => path));
    const own = await this.#ownChoice(loader, files, isFolder ? `${select?.replace(/\/$/, '')}/` : '');
    if (own === undefined) {
      const about = loader && {
        formats: loader.formats,
        type: loader.type,
        ...(loader.component !== undefined && { component: loader.component }),
      };
      const choice = chooseFiles(files, { model, quantizations, ...about });
      if (choice.note !== undefined) narrate({ kind: 'info', text: choice.note });
      return new Set(choice.files.map(({ path }) => path));
    }
    if (own.length > 0) return new Set(own);
    const problem = `${loader?.type} takes none of its ${files.length} files`;
    throw RbeeError.of('MODEL_NOTHING_TO_LOAD', {
      model,
      problem,
      hint: 'choose another model, or another worker type',
    });
  }

  /** The engine is given the folder that was asked for, so its paths begin there. */
  async #ownChoice(
    loader: Loader | undefined,
    files: readonly RepositoryFile[],
    folder: string,
  ): Promise<string[] | undefined> {
    const inside = files.map(({ path, bytes }) => ({ path: path.slice(folder.length), bytes }));
    return (await loader?.choose?.(inside))?.map((path) => folder + path);
  }

  async #compare(known: Manifest, chosen: ReadonlySet<string>) {
    const here = await this.#look(known, chosen);
    return { here, missing: known.files.filter(({ path }) => here.get(path) === null) };
  }

  /** The content of each chosen file that is here; null for those that are not. */
  async #look(manifest: Manifest, chosen: ReadonlySet<string>): Promise<Map<string, string | null>> {
    const { store } = this.#options;
    const here = new Map<string, string | null>();
    for (const file of manifest.files) {
      if (!chosen.has(file.path)) continue;
      // The same content may have come with another model.
      const content = file.blob ?? file.sha256;
      const there =
        content !== null && ((await store.hasBlob(content, file.bytes)) || (await store.show(manifest, file)));
      here.set(file.path, there ? content : null);
    }
    return here;
  }

  /** Written down before the first byte, so that an interrupted download is known. */
  async #want(manifest: Manifest, here: ReadonlyMap<string, string | null>, anew: boolean): Promise<Manifest> {
    const isSo = ({ path, wanted, blob }: ManifestFile) => !here.has(path) || (wanted && blob === here.get(path));
    if (!anew && manifest.files.every(isSo)) return manifest;
    await this.#options.store.makeFolders();
    const want = (file: ManifestFile): ManifestFile => {
      const blob = here.get(file.path);
      return blob === undefined ? file : { ...file, wanted: true, blob };
    };
    return this.#change(
      manifest,
      want,
      (there) => anew && manifest.source === 'https' && there.addedAt === manifest.addedAt,
    );
  }

  async #fetch(source: Source, manifest: Manifest, missing: readonly ManifestFile[], call: Call): Promise<void> {
    await this.#downloads.fetch(missing, source, call, async (file, { sha256, bytes }) => {
      const changed = await this.#change(manifest, (other) =>
        other.path === file.path ? { ...other, blob: sha256, bytes } : other,
      );
      const fetched = changed.files.find(({ path }) => path === file.path);
      if (fetched) await this.#options.store.show(changed, fetched, { anew: true });
    });
  }

  /** Of a first download of which nothing has come, nothing is kept: it may never have been there. */
  async #forgetEmpty(reference: RemoteReference, manifest: Manifest): Promise<void> {
    if ((await this.busy(reference, manifest)) || (await this.begun(reference, manifest)) > 0) return;
    await this.#options.store.update(manifest.reference, (there) =>
      there?.files.some(({ blob }) => blob !== null) ? there : null,
    );
  }

  /** Remembers that all of it was here once: what is lost of it later was not given up. */
  async #complete(manifest: Manifest): Promise<Manifest> {
    const isWhole = wantedFiles(manifest).every(({ blob }) => blob !== null);
    if (!isWhole || manifest.wasComplete === true) return manifest;
    const update = (there: Manifest | null) => there && { ...there, wasComplete: true };
    return (await this.#options.store.update(manifest.reference, update)) ?? manifest;
  }

  async #show(manifest: Manifest, paths: ReadonlySet<string>): Promise<void> {
    for (const file of manifest.files) if (paths.has(file.path)) await this.#options.store.show(manifest, file);
  }

  /** Reads the header of a GGUF model once, when it has come. */
  async #describe(manifest: Manifest, main: MainFile): Promise<Manifest> {
    if (manifest.gguf !== null || main.format !== 'gguf') return manifest;
    const tree = this.#options.store.tree(manifest);
    const gguf = await readGgufView(
      this.#options.headers,
      main.parts.map((path) => join(tree, path)),
    );
    if (gguf === null) return manifest;
    return (await this.#options.store.update(manifest.reference, (there) => there && { ...there, gguf })) ?? manifest;
  }

  /** `outdated` tells of a manifest at the same commit that it is to be replaced all the same. */
  async #change(
    manifest: Manifest,
    change: (file: ManifestFile) => ManifestFile,
    outdated: (there: Manifest) => boolean = () => false,
  ): Promise<Manifest> {
    const changed = await this.#options.store.update(manifest.reference, (there) => {
      // Another request may have added to it in the meantime.
      const base = there?.commit === manifest.commit && !outdated(there) ? there : manifest;
      return { ...base, files: base.files.map(change) };
    });
    return changed as Manifest;
  }

  async #source(reference: RemoteReference, manifest: Manifest, formats?: readonly ModelFormat[]): Promise<Source> {
    const { hive } = this.#options;
    if (reference.kind === 'hf') {
      const hub = await openHub(this.#options);
      const address = (path: string) => hub.address(reference.repo, manifest.commit ?? 'main', path);
      return { about: hub.about(reference), address, plainAddress: address, headersFor: hub.headersFor };
    }
    const { url, query = '' } = reference;
    const { headersFor } = await openHub(this.#options);
    const token = 'authorization' in headersFor(new URL(url).origin);
    return {
      about: { model: manifest.reference, hive, page: url, token, address: true },
      address: () => url + query,
      plainAddress: () => url,
      model: { formats },
      headersFor,
    };
  }

  /** As the hub's own tools: the variable forbids to ask it. */
  #refuseOffline(reference: RemoteReference): void {
    const { env, hive } = this.#options;
    if (reference.kind !== 'hf' || !/^(1|true|yes|on)$/i.test(env['HF_HUB_OFFLINE'] ?? '')) return;
    throw RbeeError.of('MODEL_OFFLINE', { model: formatModelReference(reference), hive });
  }
}

const selectOf = (reference: RemoteReference): string | undefined =>
  reference.kind === 'hf' ? reference.select : undefined;

/** What the source has, with what is here of it. */
const manifestOf = (
  reference: RemoteReference,
  before: Manifest | null,
  { commit, files: listed }: Omit<HubListing, 'unsafe'>,
): Manifest => {
  const known = new Map(before?.files.map((file) => [file.path, file]));
  const files = listed.map((file) => {
    const old = known.get(file.path);
    // What no checksum names may have changed at the same address.
    const same = (file.sha256 ?? file.git) !== null && old?.sha256 === file.sha256 && old.git === file.git;
    return { ...file, wanted: old?.wanted ?? false, blob: same ? (old?.blob ?? null) : null };
  });
  return {
    version: 1,
    reference: formatModelReference(reference),
    source: reference.kind,
    name: reference.kind === 'hf' ? basename(reference.repo) : fileName(reference),
    commit,
    addedAt: before?.addedAt ?? new Date().toISOString(),
    files,
    gguf: before?.commit === commit ? (before?.gguf ?? null) : null,
    ...(before?.wasComplete === true && { wasComplete: true }),
  };
};

/** An address as a repository of one file. */
const single = (reference: Extract<RemoteReference, { kind: 'https' }>): HubListing => {
  const file = { path: fileName(reference), bytes: null, sha256: reference.sha256 ?? null, git: null };
  return { commit: null, files: [file], unsafe: [] };
};

/** The name that a file has at its address, where it can be the name of a file here. */
const fileName = ({ url }: Extract<RemoteReference, { kind: 'https' }>): string => {
  const last = new URL(url).pathname.split('/').at(-1) ?? '';
  try {
    const name = decodeURIComponent(last);
    return isSafePath(name) && !name.includes('/') ? name : 'model';
  } catch {
    return 'model';
  }
};

/** How much of it is here, and how much was asked for. */
export const amountsOf = ({ files }: Manifest): { here: number; wanted: number } => {
  const wanted = files.filter((file) => file.wanted);
  const sum = (some: readonly ManifestFile[]) => some.reduce((total, { bytes }) => total + (bytes ?? 0), 0);
  return { here: sum(wanted.filter(({ blob }) => blob !== null)), wanted: sum(wanted) };
};
