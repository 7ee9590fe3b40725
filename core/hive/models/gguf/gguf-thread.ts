/** The thread that reads one GGUF header: parsing a large vocabulary would block the daemon's streams. */
import { parentPort, workerData } from 'node:worker_threads';
import { readGgufHeader } from './gguf-header.ts';

try {
  parentPort?.postMessage(readGgufHeader(workerData as string));
} catch {
  // The engine reports what is wrong with the file.
  parentPort?.postMessage(null);
}
