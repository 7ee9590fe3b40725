/** The command line of one worker: what `server/main.ts` reads. */
import type { Command, Launch } from '@rbee/core/contract';

/** Options come with their defaults filled in, valid by the schema. The API key is in the environment: RBEE_API_KEY. */
export const command = ({ names, host, port, options, deviceFlags }: Launch): Command => ({
  args: [
    ...names.map((name) => `--name=${name}`),
    `--host=${host}`,
    `--port=${port}`,
    `--greeting=${options['greeting']}`,
    `--slots=${options['slots']}`,
    ...deviceFlags.args,
  ],
});
