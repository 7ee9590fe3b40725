/** The door to the queen, and a cheap look whether someone is behind it. */
import { connect } from 'node:net';
import { checkSocket } from '../config/private-places.ts';

export { connectQueen } from '../queen/client/index.ts';

/** Does one of our daemons accept connections at this socket? Errors: FOLDER_NOT_PRIVATE, SOCKET_NOT_PRIVATE. */
export const socketAnswers = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    checkSocket(socketPath);
    const socket = connect(socketPath);
    const end = (answers: boolean) => () => {
      socket.destroy();
      resolve(answers);
    };
    socket.once('connect', end(true));
    socket.once('error', end(false));
  });
