/** Runs the server of either engine until the process ends. */
import { type LoadContext, runWorkerServer, StartError } from '@rbee/worker-server';
import type { Painter, PainterFacts } from './painter.ts';
import { imageRoutes } from './routes.ts';
import type { Bounds } from './schemas.ts';

export interface ServeOptions {
  names: readonly string[];
  host: string;
  port: number;
  queueLimit: number;
  bounds: Bounds;
  /** Defaults for requests; 0, or a negative guidance, means the model's own default. */
  steps: number;
  guidance: number;
  size: number;
}

const name = 'sd';

/** `read` returns the options and a function that starts the engine. If either throws, the program exits with a sentence. */
export const serve = async (read: () => [ServeOptions, (context: LoadContext) => Promise<Painter>]): Promise<void> => {
  try {
    const [options, load] = read();
    const { names, host, port, queueLimit, bounds } = options;
    await runWorkerServer<Painter>({
      name,
      host,
      port,
      models: names,
      // A drawing uses the whole device: a second one would only slow down both.
      slots: 1,
      queueLimit,
      routes: imageRoutes(bounds),
      load: async (context) => {
        const painter = await load(context);
        return { ...painter, facts: withDefaults(painter.facts, options) };
      },
      unload: (painter) => painter.close(),
      describe: ({ facts }) => ({ owned_by: name, meta: facts.about }),
      env: process.env,
    });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(`${name}: error: ${error.message}\n`);
    process.exit(error.exitCode);
  }
};

const withDefaults = (facts: PainterFacts, { steps, guidance, size, bounds }: ServeOptions): PainterFacts => ({
  ...facts,
  steps: Math.min(steps > 0 ? steps : facts.steps, bounds.steps),
  guidance: guidance >= 0 ? guidance : facts.guidance,
  size: Math.min(size > 0 ? size : facts.size, bounds.size),
});
