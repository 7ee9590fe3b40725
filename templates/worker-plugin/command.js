/**
 * The command line of one worker: what `server/main.js` reads. Options come with their defaults filled in, valid by the
 * schema. The API key is in the environment: RBEE_API_KEY.
 */
export const command = [
  '--names={names}',
  '--host={host}',
  '--port={port}',
  '--greeting={option.greeting}',
  '--slots={option.slots}',
];
