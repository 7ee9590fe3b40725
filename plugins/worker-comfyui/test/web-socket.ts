/** A minimal WebSocket server for ComfyUI's clients: it only sends, and notices when they disconnect. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

export interface Listener {
  /** `clientId` from the query. */
  id: string;
  send(message: object): void;
  sendBytes(bytes: Buffer): void;
  close(): void;
}

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const [text, binary, closing] = [0x81, 0x82, 0x88];

/** Takes over the socket; calls `onGone` once it has closed. */
export const accept = (request: IncomingMessage, socket: Duplex, onGone: () => void): Listener => {
  const key = request.headers['sec-websocket-key'] ?? '';
  const answer = createHash('sha1').update(`${key}${magic}`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${answer}\r\n\r\n`,
  );
  const frame = (kind: number, bytes: Buffer) => {
    const long = bytes.length > 125;
    const head = Buffer.alloc(long ? 4 : 2);
    head[0] = kind;
    head[1] = long ? 126 : bytes.length;
    if (long) head.writeUInt16BE(bytes.length, 2);
    if (socket.writable) socket.write(Buffer.concat([head, bytes]));
  };
  socket.on('data', (chunk: Buffer) => {
    if (chunk[0] === closing) socket.end();
  });
  socket.on('error', () => socket.destroy());
  socket.once('close', onGone);
  return {
    id: new URL(request.url ?? '/', 'http://localhost').searchParams.get('clientId') ?? '',
    send: (message) => frame(text, Buffer.from(JSON.stringify(message))),
    sendBytes: (bytes) => frame(binary, bytes),
    close: () => socket.destroy(),
  };
};
