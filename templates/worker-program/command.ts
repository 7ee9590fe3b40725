/** The command line of one worker, in the program's own flags. */
import type { Command, Launch } from '@rbee/contract';

/** Each value is one argument, whatever is in it: nothing goes through a shell. Secrets go into `env`, never into `args`. */
export const command = ({ models, names, host, port, options, deviceFlags, apiKey }: Launch): Command => ({
  args: [
    ...['--model', models['main'] ?? ''],
    ...names.flatMap((name) => ['--alias', name]),
    ...['--host', host, '--port', String(port)],
    ...['--context', String(options['context'])],
    ...(options['threads'] === 0 ? [] : ['--threads', String(options['threads'])]),
    ...deviceFlags.args,
  ],
  env: { MY_ENGINE_API_KEY: apiKey },
});
