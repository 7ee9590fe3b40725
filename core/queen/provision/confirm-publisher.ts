/** Asks a person before anything is downloaded from a new publisher. */
import { RbeeError } from '../../contract/errors.ts';
import type { UnknownPublisher } from '../../contract/worker-type/needs.ts';
import { publisherUnknown } from '../../plugins/fetch/trust.ts';

type Ask = (question: string, choices?: readonly string[]) => Promise<string>;

/** The identity of the package, after a yes. Errors: PUBLISHER_UNKNOWN, with `hint` instead of the default. */
export const confirmPublisher = async (
  publisher: UnknownPublisher,
  ask: Ask | undefined,
  hint?: string,
): Promise<string> => {
  const error = publisherUnknown(publisher);
  const refusal = hint === undefined ? error : RbeeError.from({ ...error.toJSON(), hint });
  if (!ask) throw refusal;
  const answer = await ask(`${error.message} (${publisher.about.join('; ')}). Install it?`, ['yes', 'no']);
  if (answer !== 'yes') throw refusal;
  return publisher.identity;
};
