/** The door to the queen, and a cheap look whether someone is behind it. */
import { connect } from 'node:net';

export { connectQueen } from '../queen/client/index.ts';

/** Does anything accept connections at this socket? */
export const socketAnswers = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketPath);
    const end = (answers: boolean) => () => {
      socket.destroy();
      resolve(answers);
    };
    socket.once('connect', end(true));
    socket.once('error', end(false));
  });
