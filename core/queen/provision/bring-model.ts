/** A model for a machine that cannot reach its source: downloaded here once, uploaded, and checked by its hive as if it had come from there. */
import type { ModelRequestOf } from '../../contract/models.ts';
import { formatBytes } from '../../narration/quantities.ts';
import type { Machine, RemoteCall } from './machine.ts';
import type { ModelSource } from './model-source.ts';

/** The next download of the hive finds all of it there. Errors: those of a download, of uploading, and of the hive. */
export const bringModel = async (
  hive: Machine,
  request: ModelRequestOf<'download'>,
  source: ModelSource,
  call: RemoteCall,
): Promise<void> => {
  const { model } = request;
  const offered = await (await source.open()).look(request, call);
  if (offered === null) return;
  const { client } = hive.connection;
  const { files } = await client.models('offer', { ...request, offer: offered.offer }, call);
  const lacking = new Set(files.map(({ path }) => path));
  // The hive only picks from the offer: what it was not offered is not looked for.
  const paths = offered.offer.files.map(({ path }) => path).filter((path) => lacking.has(path));
  if (paths.length === 0) return;
  call.narrate({ kind: 'info', text: `hive ${hive.alias} cannot reach the source of ${model}: bringing it from here` });
  const here = await offered.fetch(paths, call);
  await hive.withAgent(call, async ({ hello }) => {
    for (const { path, file, bytes, placeBelow } of here) {
      const size = bytes === null ? '' : ` (${formatBytes(bytes)})`;
      await hive.upload(file, placeBelow(hello.paths.data), `${path} of ${model}${size}`, call);
    }
  });
};
