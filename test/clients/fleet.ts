/** One fleet for all clients: a worker for each capability, and a queen that requires keys. */
import { createHash, randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { NewKey } from '../../core/contract/api/access.ts';
import { connectQueen } from '../../core/queen/client/index.ts';
import { createHome, type TestHome } from '../harness/home.ts';

export interface ClientFleet {
  home: TestHome;
  /** The base URL of clients, which ends in `/v1`. */
  baseURL: string;
  /** A key for every model, without limits. */
  key: string;
  /** Creates another key. */
  createKey(settings?: Partial<NewKey>): Promise<string>;
}

/** The model that serves each capability. */
export const models = {
  chat: 'demo',
  tools: 'caller',
  embedding: 'demo',
  audio: 'listener',
  image: 'painter',
} as const;

const caller = resolve(import.meta.dirname, '../fixtures/worker-caller');

/** Context of the chat model, in tokens. */
const context = 512;
export const longPrompt = 'many words '.repeat(context);

export const startFleet = async (): Promise<ClientFleet> => {
  const home = createHome({ plugins: [caller], queen: '[gateway]\nkeys = "always"\n' });
  try {
    const { url } = await home.json(['queen', 'start']);
    const spawn = (type: string, name: string, ...options: string[]) => {
      const flags = options.flatMap((option) => ['--option', option]);
      return home.json(['worker', 'spawn', '--type', type, '--device', 'cpu', '--name', name, ...flags]);
    };
    await Promise.all([
      spawn('llamacpp', models.chat, 'threads=1', `context=${context}`),
      spawn('whisper', models.audio),
      spawn('sd', models.image, 'threads=1'),
      spawn('caller', models.tools),
    ]);
    const queen = connectQueen({ socketPath: home.paths.queenSocket });
    const createKey = async (settings: Partial<NewKey> = {}): Promise<string> => {
      const id = randomBytes(4).toString('hex');
      const key = `rbee_${id}_${randomBytes(32).toString('base64url')}`;
      const hash = createHash('sha256').update(key).digest('hex');
      await queen.runOperation('key_create', { id, hash, name: id, scope: 'infer', ...settings });
      return key;
    };
    return { home, baseURL: `${url}/v1`, key: await createKey(), createKey };
  } catch (error) {
    await home.close();
    throw error;
  }
};

/** Has the form of a key, but no queen has it. */
export const wrongKey = `rbee_00000000_${'x'.repeat(43)}`;
