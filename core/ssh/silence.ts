/**
 * Ends a connection from which nothing is heard. ssh2 asks the other side for a sign of life every few seconds, but counts
 * only the answers to that, which on a slow line come late behind what is being sent; here every byte counts.
 */
import type { Duplex } from 'node:stream';

/** ssh2 asks that often. */
export const askMs = 5_000;
/** Of them in a row without a byte: it is lost. */
const mostSilent = 6;

/** Whatever runs through `socket` is running already. `onSilence` is called once. */
export const watchForSilence = (socket: Duplex, onSilence: (error: Error) => void): void => {
  // Ticks are counted, not time: a machine that slept does not take its own sleep for the other's.
  let silent = 0;
  const timer = setInterval(() => {
    silent += 1;
    if (silent <= mostSilent) return;
    clearInterval(timer);
    onSilence(new Error(`nothing was heard of it for ${(askMs * mostSilent) / 1_000} s`));
  }, askMs).unref();
  socket.on('data', () => {
    silent = 0;
  });
  socket.once('close', () => clearInterval(timer));
};
