/** Reads an answer to its end on a connection whose other side has stopped reading the request. */
import type { Duplex } from 'node:stream';

/** The answer was sent before the connection was closed, so it arrives soon or never. */
const answerTimeoutMs = 2_000;

/**
 * A worker that refuses a request may answer and close before it has read all of it. The next write then fails, and Node would
 * destroy the socket together with the unread answer. Instead, a failed write stays pending until the answer has been read, the
 * other side has ended, or a timeout.
 */
export const readToTheEnd = <Socket extends Duplex>(socket: Socket): Socket => {
  const patient =
    (done: Done): Done =>
    (error) => {
      if (!error || !isClosed(error)) return done(error);
      const timer = setTimeout(done, answerTimeoutMs, error);
      socket.once('close', () => clearTimeout(timer));
    };
  const { _write: write, _writev: writev } = socket;
  socket._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, patient(done));
  if (writev) socket._writev = (chunks, done) => writev.call(socket, chunks, patient(done));
  return socket;
};

type Done = (error?: Error | null) => void;

const isClosed = (error: NodeJS.ErrnoException): boolean => error.code === 'EPIPE' || error.code === 'ECONNRESET';
