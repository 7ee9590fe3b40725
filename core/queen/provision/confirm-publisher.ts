/** Asks a person whether a publisher of whom nothing is installed yet may be let in. */
import { RbeeError } from '../../contract/errors.ts';

/** The identity of the package if so; else, and for every other error, the error. */
export const confirmPublisher = async (
  error: unknown,
  ask: ((question: string, choices?: readonly string[]) => Promise<string>) | undefined,
): Promise<string> => {
  if (!(error instanceof RbeeError) || error.code !== 'PUBLISHER_UNKNOWN' || !ask) throw error;
  const [identity, ...about] = error.lines;
  if (identity === undefined) throw error;
  const answer = await ask(`${error.message} (${about.join('; ')}). Install it?`, ['yes', 'no']);
  if (answer !== 'yes') throw error;
  return identity;
};
