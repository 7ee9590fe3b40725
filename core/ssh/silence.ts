/**
 * Closes a silent connection. ssh2 sends keepalive requests every few seconds, but only counts
 * the answers to them, which are late on a slow line with much traffic. Here, every byte counts.
 */
import type { Duplex } from 'node:stream';

/** The interval of ssh2's keepalive requests. */
export const askMs = 5_000;
/** Intervals without a byte after which the connection counts as lost. */
const maxSilent = 6;

/** `socket` must already be in use. `onSilence` is called once. */
export const watchForSilence = (socket: Duplex, onSilence: (error: Error) => void): void => {
  // Counts ticks, not time, so that suspending this machine does not count as silence.
  let silent = 0;
  const timer = setInterval(() => {
    silent += 1;
    if (silent <= maxSilent) return;
    clearInterval(timer);
    onSilence(new Error(`no data for ${(askMs * maxSilent) / 1_000} s`));
  }, askMs).unref();
  socket.on('data', () => {
    silent = 0;
  });
  socket.once('close', () => clearInterval(timer));
};
