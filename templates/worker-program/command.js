/** The command line of one worker, in the program's own flags. */
/** @import { Command, Launch } from '@rbee/contract' */

/**
 * There is no shell, so each value stays one argument, whatever it contains. Secrets go into `env`, never into `args`.
 *
 * @param {Launch} launch
 * @returns {Command}
 */
export const command = ({ models, names, host, port, options, deviceFlags, apiKey }) => ({
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
