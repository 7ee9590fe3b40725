/** Installs models in the local store: asks the source only if nothing is known yet, downloads only missing files. */
import { join } from 'node:path';
import { RbeeError } from '../../contract/errors.ts';
import { formatModelReference } from '../../contract/model-reference.ts';
import type { ModelOffer, NeededModelFile } from '../../contract/models.ts';
import type { ModelFormat } from '../../contract/worker-type/worker-type.ts';
import type { RetryPolicy } from '../../download/retry.ts';
import type { Call } from './call.ts';
import { Downloads, type Source } from './downloads.ts';
import { chooseForLoader, type Loader, selectOf } from './files/choose-for-loader.ts';
import { type MainFile, mainFile } from './files/main-file.ts';
import type { GgufHeaders } from './gguf/gguf-headers.ts';
import { readGgufView } from './gguf/gguf-metadata.ts';
import { type HubListing, openHub } from './hub.ts';
import { isSafePath, type Manifest, type ManifestFile, wantedFiles } from './manifest.ts';
import {
  type ModelPlan,
  manifestFor,
  markWanted,
  type OnDisk,
  planModel,
  type RemoteReference,
  urlListing,
} from './plan-model.ts';
import { SharedWork } from './shared-work.ts';
import { type ModelStore, partName } from './store.ts';

export interface EnsureOptions {
  loader?: Loader;
  /** Accepted formats, if there is no loader. */
  formats?: readonly ModelFormat[];
  /** Look for a newer revision even if the model is installed. */
  update?: boolean;
  /** Files that are already chosen from this listing. */
  chosen?: { of: Manifest; paths: readonly string[] };
}

export interface InstalledModel {
  manifest: Manifest;
  main: MainFile;
  /** Absolute path for the engine. */
  path: string;
  /** Whether the store changed. */
  changed: boolean;
}

export interface ModelInstallerOptions {
  hive: string;
  store: ModelStore;
  env: NodeJS.ProcessEnv;
  retry: RetryPolicy;
  headers: GgufHeaders;
}

export class ModelInstaller {
  readonly #options: ModelInstallerOptions;
  readonly #downloads: Downloads;
  readonly #listings = new SharedWork<HubListing>();

  constructor(options: ModelInstallerOptions) {
    this.#options = options;
    this.#downloads = new Downloads(options);
  }

  /** Errors: MODEL_*, NO_SPACE, PLUGIN_FAILED, STATE_UNWRITABLE. */
  async ensure(
    reference: RemoteReference,
    { loader, formats = loader?.formats, update = false, chosen: given }: EnsureOptions,
    call: Call,
  ): Promise<InstalledModel> {
    const { store } = this.#options;
    const written = formatModelReference(reference);
    const before = await store.read(written);
    const known = given?.of ?? (before !== null && !update ? before : await this.#ask(reference, before, call));
    const narrate = before === null ? call.narrate : () => {};
    const chosen = given ? new Set(given.paths) : await chooseForLoader(reference, known, loader, narrate);
    const { plan, onDisk } = await this.#plan(known, chosen);
    const { missing } = plan;
    if (missing.length > 0) this.#refuseOffline(reference);
    let manifest = await this.#record(known, plan, onDisk, known !== before);
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

  /** Whether all files that the loader needs are on disk. Works without a network. */
  async isHere(reference: RemoteReference, loader: Loader): Promise<boolean> {
    const known = await this.#options.store.read(formatModelReference(reference));
    if (known === null) return false;
    const { plan } = await this.#plan(known, await chooseForLoader(reference, known, loader, () => {}));
    return plan.missing.length === 0;
  }

  /** The listing stored on this machine, else the source's. */
  async look(reference: RemoteReference, { update = false }: EnsureOptions, call: Call): Promise<Manifest> {
    const before = await this.#options.store.read(formatModelReference(reference));
    return before !== null && !update ? before : this.#ask(reference, before, call);
  }

  /**
   * Stores an offer as the source's listing, and returns the missing files. The next `ensure` picks up files that were
   * uploaded as partial downloads. Works without a network. Errors: as `ensure`.
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
      const { plan } = await this.#plan(before, await chooseForLoader(reference, before, loader, () => {}));
      if (plan.missing.length === 0) return [];
    }
    const isSame = before !== null && before.commit !== null && before.commit === offer.commit;
    const files = offer.files.filter(({ path }) => isSafePath(path));
    const known = isSame ? before : manifestFor(reference, before, { commit: offer.commit, files });
    const { plan, onDisk } = await this.#plan(known, await chooseForLoader(reference, known, loader, narrate));
    if (plan.missing.length > 0) this.#refuseOffline(reference);
    await this.#record(known, plan, onDisk, known !== before);
    return plan.missing.map(({ path }) => ({ path }));
  }

  /** File names of the partial downloads, by path: the same on every machine. */
  async partNames(reference: RemoteReference, manifest: Manifest): Promise<ReadonlyMap<string, string>> {
    const { plainAddress } = await this.#source(reference, manifest);
    return new Map(manifest.files.map((file) => [file.path, partName(file, plainAddress(file.path))]));
  }

  /** Whether this model is being downloaded or looked up. */
  async busy(reference: RemoteReference, manifest: Manifest): Promise<boolean> {
    const written = formatModelReference(reference);
    return this.#listings.has(written) || this.#downloads.busy(manifest.files, await this.#source(reference, manifest));
  }

  /** Paths of its partial downloads. */
  async parts(reference: RemoteReference, manifest: Manifest): Promise<string[]> {
    const { plainAddress } = await this.#source(reference, manifest);
    return wantedFiles(manifest).map((file) => this.#options.store.part(file, plainAddress(file.path)));
  }

  /** Bytes of its partial downloads. */
  async begun(reference: RemoteReference, manifest: Manifest): Promise<number> {
    return this.#downloads.begun(wantedFiles(manifest), await this.#source(reference, manifest));
  }

  /** Asks the source. Stores nothing. */
  async #ask(reference: RemoteReference, before: Manifest | null, { narrate, signal }: Call): Promise<Manifest> {
    const written = formatModelReference(reference);
    const listing =
      reference.kind === 'https' ? urlListing(reference) : await this.#list(reference, { narrate, signal });
    if (listing.unsafe.length > 0) {
      narrate({
        kind: 'warning',
        text: `${written}: skipped ${listing.unsafe.length} files with unsafe names`,
      });
    }
    return manifestFor(reference, before, listing);
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

  /** What to record and download for the chosen files. */
  async #plan(known: Manifest, chosen: ReadonlySet<string>): Promise<{ plan: ModelPlan; onDisk: OnDisk }> {
    const onDisk = await this.#findOnDisk(known, chosen);
    return { plan: planModel(known, onDisk), onDisk };
  }

  async #findOnDisk(manifest: Manifest, chosen: ReadonlySet<string>): Promise<OnDisk> {
    const { store } = this.#options;
    const onDisk = new Map<string, string | null>();
    for (const file of manifest.files) {
      if (!chosen.has(file.path)) continue;
      // Another model may contain the same file.
      const content = file.blob ?? file.sha256;
      const there =
        content !== null && ((await store.hasBlob(content, file.bytes)) || (await store.show(manifest, file)));
      onDisk.set(file.path, there ? content : null);
    }
    return onDisk;
  }

  /** Recorded before the first byte, so that an interrupted download is known. */
  async #record(known: Manifest, plan: ModelPlan, onDisk: OnDisk, isNew: boolean): Promise<Manifest> {
    const isRecorded = plan.manifest.files.every(
      ({ wanted, blob }, at) => wanted === known.files[at]?.wanted && blob === known.files[at]?.blob,
    );
    if (!isNew && isRecorded) return known;
    await this.#options.store.makeFolders();
    return this.#change(
      known,
      (file) => markWanted(file, onDisk),
      (stored) => isNew && known.source === 'https' && stored.addedAt === known.addedAt,
    );
  }

  async #fetch(source: Source, manifest: Manifest, missing: readonly ManifestFile[], call: Call): Promise<void> {
    await this.#downloads.fetch(missing, source, call, async (file, { sha256, bytes }) => {
      const changed = await this.#change(manifest, (other) =>
        other.path === file.path ? { ...other, blob: sha256, bytes } : other,
      );
      const fetched = changed.files.find(({ path }) => path === file.path);
      if (fetched) await this.#options.store.show(changed, fetched, { replace: true });
    });
  }

  /** Removes the record of a first download that received no data: the model may not exist. */
  async #forgetEmpty(reference: RemoteReference, manifest: Manifest): Promise<void> {
    if ((await this.busy(reference, manifest)) || (await this.begun(reference, manifest)) > 0) return;
    await this.#options.store.update(manifest.reference, (there) =>
      there?.files.some(({ blob }) => blob !== null) ? there : null,
    );
  }

  /** Records that the model was complete: files that are missing later were lost, not skipped. */
  async #complete(manifest: Manifest): Promise<Manifest> {
    const isWhole = wantedFiles(manifest).every(({ blob }) => blob !== null);
    if (!isWhole || manifest.wasComplete === true) return manifest;
    const update = (there: Manifest | null) => there && { ...there, wasComplete: true };
    return (await this.#options.store.update(manifest.reference, update)) ?? manifest;
  }

  async #show(manifest: Manifest, paths: ReadonlySet<string>): Promise<void> {
    for (const file of manifest.files) if (paths.has(file.path)) await this.#options.store.show(manifest, file);
  }

  /** Reads the header of a GGUF model once, after its download. */
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

  /** `outdated`: replace the stored manifest even though it has the same commit. */
  async #change(
    manifest: Manifest,
    change: (file: ManifestFile) => ManifestFile,
    outdated: (there: Manifest) => boolean = () => false,
  ): Promise<Manifest> {
    const changed = await this.#options.store.update(manifest.reference, (there) => {
      // Another request may have changed it in the meantime.
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

  /** HF_HUB_OFFLINE forbids requests to the hub, as in the hub's own tools. */
  #refuseOffline(reference: RemoteReference): void {
    const { env, hive } = this.#options;
    if (reference.kind !== 'hf' || !/^(1|true|yes|on)$/i.test(env['HF_HUB_OFFLINE'] ?? '')) return;
    throw RbeeError.of('MODEL_OFFLINE', { model: formatModelReference(reference), hive });
  }
}

/** Bytes on disk and bytes wanted. */
export const amountsOf = ({ files }: Manifest): { here: number; wanted: number } => {
  const wanted = files.filter((file) => file.wanted);
  const sum = (some: readonly ManifestFile[]) => some.reduce((total, { bytes }) => total + (bytes ?? 0), 0);
  return { here: sum(wanted.filter(({ blob }) => blob !== null)), wanted: sum(wanted) };
};
