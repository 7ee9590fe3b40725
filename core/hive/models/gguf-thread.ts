/** The thread that reads one GGUF header: for a large vocabulary that takes a while, and a daemon has streams to serve. */
import { parentPort, workerData } from 'node:worker_threads';
import { readGgufHeader } from './gguf-header.ts';

try {
  parentPort?.postMessage(readGgufHeader(workerData as string));
} catch {
  // The engine will say what is wrong with the file.
  parentPort?.postMessage(null);
}
