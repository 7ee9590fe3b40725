/** Rereads the files of a model and compares them with their checksums. Damaged files are removed. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelVerification } from '../../contract/models.ts';
import { asStep } from '../../programs/progress.ts';
import type { Call } from './call.ts';
import { type Manifest, wantedFiles } from './manifest.ts';
import { amountsOf } from './model-installer.ts';
import type { ModelStore } from './store.ts';

export const verifyModel = async (
  store: ModelStore,
  manifest: Manifest,
  { narrate, signal }: Call,
): Promise<ModelVerification> => {
  const { reference: model } = manifest;
  const files = wantedFiles(manifest);
  const { here } = amountsOf(manifest);
  const step = { id: `verify ${model}`, text: `reading ${model}`, done: `read ${model}`, unit: 'bytes' };
  return asStep(narrate, step, async (progress) => {
    const problems: { path: string; problem: string }[] = [];
    let bytes = 0;
    for (const { path, blob } of files) {
      if (blob === null) {
        problems.push({ path, problem: 'it is not downloaded yet' });
        continue;
      }
      const before = bytes;
      const actual = await digestOf(join(store.tree(manifest), path), signal, (done) => {
        bytes = before + done;
        progress(bytes, here);
      });
      if (actual === blob) continue;
      problems.push({ path, problem: actual === null ? 'it cannot be read' : `its SHA-256 is ${actual}, not ${blob}` });
      await removeContent(store, blob);
    }
    return { model, files: files.length, bytes, problems };
  });
};

/** Removes a damaged file from every model that contains it, so that the next download replaces it. */
const removeContent = async (store: ModelStore, sha256: string): Promise<void> => {
  for (const manifest of await store.list()) {
    const damaged = manifest.files.filter(({ blob }) => blob === sha256);
    if (damaged.length === 0) continue;
    for (const { path } of damaged) await rm(join(store.tree(manifest), path), { force: true });
    await store.update(
      manifest.reference,
      (there) =>
        there && {
          ...there,
          files: there.files.map((file) => (file.blob === sha256 ? { ...file, blob: null } : file)),
        },
    );
  }
  await rm(store.blob(sha256), { force: true });
};

/** Null if it cannot be read. */
const digestOf = async (
  path: string,
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<string | null> => {
  const hash = createHash('sha256');
  let done = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
      hash.update(chunk as Buffer);
      done += (chunk as Buffer).length;
      onProgress(done);
    }
  } catch {
    signal.throwIfAborted();
    return null;
  }
  return hash.digest('hex');
};
