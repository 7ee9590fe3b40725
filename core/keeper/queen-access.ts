/** Access to the queen, and a cheap check whether it is running. */
import { connect } from 'node:net';
import { checkSocket } from '../config/private-places.ts';

export { connectQueen } from '../queen/client/index.ts';

/** Whether a daemon of this user accepts connections at this socket. Errors: FOLDER_NOT_PRIVATE, SOCKET_NOT_PRIVATE. */
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
