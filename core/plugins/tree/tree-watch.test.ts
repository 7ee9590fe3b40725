import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { NarrationEvent } from '../../contract/api/narration.ts';
import { eventually, tempFolder } from '../../lifecycle/process/testing.ts';
import { type TreeWatch, watchTree } from './tree-watch.ts';

interface Setting {
  watch: TreeWatch;
  said: Extract<NarrationEvent, { kind: 'progress' }>[];
  write: (name: string, bytes: number) => Promise<void>;
}

const setting = async (t: TestContext, limits: Partial<TreeWatch['limits']> = {}): Promise<Setting> => {
  const folder = await tempFolder(t);
  const said: Setting['said'] = [];
  const watch: TreeWatch = {
    folder,
    plugin: '@acme/worker-echo',
    step: 'tree',
    limits: { bytes: 1_000, files: 100, ...limits },
    narrate: (event) => void (event.kind === 'progress' && said.push(event)),
  };
  const write = async (name: string, bytes: number) => {
    const file = join(folder, 'node_modules', name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, Buffer.alloc(bytes));
  };
  return { watch, said, write };
};

/** Runs until it is stopped. */
const forever = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

test('progress and size are reported while a tree grows', async (t) => {
  const { watch, said, write } = await setting(t);
  const result = await watchTree(watch, async () => {
    await eventually(() => /^resolving dependencies, \d/.test(said.at(-1)?.text ?? ''));
    await write('a/index.js', 400);
    await eventually(() => said.at(-1)?.done === 400);
    assert.match(said.at(-1)?.text ?? '', /^unpacking, 1 file so far, \d/);
    return 'done';
  });
  assert.equal(result, 'done');
  const told = said.length;
  await write('b/index.js', 1);
  assert.equal(said.length, told, 'nothing is told after the end');
});

test('a tree that grows too large is stopped, and the error names the plugin and its largest package', async (t) => {
  const { watch, write } = await setting(t);
  await write('@big/engine/model', 900);
  await write('small/index.js', 200);
  await assert.rejects(watchTree(watch, forever), {
    code: 'PACKAGE_REFUSED',
    message:
      /refused to install the package @acme\/worker-echo: .* more than 1000 B on disk; the largest is @big\/engine, with 900 B/,
  });
});

test('a tree that grew too large between two checks is refused at the end', async (t) => {
  const { watch, write } = await setting(t, { files: 2 });
  const work = async () => {
    for (const name of ['a', 'b', 'c']) await write(`${name}/index.js`, 1);
  };
  await assert.rejects(watchTree(watch, work), { code: 'PACKAGE_REFUSED', message: /more than 2 files/ });
});

test('cancelling aborts the work, and errors of the work pass through', async (t) => {
  const { watch } = await setting(t);
  const controller = new AbortController();
  const running = watchTree({ ...watch, signal: controller.signal }, forever);
  controller.abort(new Error('enough'));
  await assert.rejects(running, /enough/);
  await assert.rejects(
    watchTree(watch, () => Promise.reject(new Error('no registry'))),
    /no registry/,
  );
});
