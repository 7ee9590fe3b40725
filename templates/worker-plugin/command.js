/**
 * The command line of one worker, which `server/main.js` parses. Options are validated, with defaults filled in. The API key
 * is in the environment: RBEE_API_KEY.
 */
export const command = [
  '--names={names}',
  '--host={host}',
  '--port={port}',
  '--greeting={option.greeting}',
  '--slots={option.slots}',
];
