/** A connection on which an answer is read although the other side takes no more of the request. */
import type { Duplex } from 'node:stream';

/** The answer was sent before the connection was closed, so it is here at once or not at all. */
const answerMs = 2_000;

/**
 * A worker that refuses a request answers, and may close before it has read all of it. The next write fails then, and Node
 * would destroy the socket with the answer unread in it. Here such a write stays under way instead, until the answer was
 * read, the other side has ended, or the time is up.
 */
export const readToTheEnd = <Socket extends Duplex>(socket: Socket): Socket => {
  const patient =
    (done: Done): Done =>
    (error) => {
      if (!error || !isClosed(error)) return done(error);
      const timer = setTimeout(done, answerMs, error);
      socket.once('close', () => clearTimeout(timer));
    };
  const { _write: write, _writev: writev } = socket;
  socket._write = (chunk, encoding, done) => write.call(socket, chunk, encoding, patient(done));
  if (writev) socket._writev = (chunks, done) => writev.call(socket, chunks, patient(done));
  return socket;
};

type Done = (error?: Error | null) => void;

const isClosed = (error: NodeJS.ErrnoException): boolean => error.code === 'EPIPE' || error.code === 'ECONNRESET';
