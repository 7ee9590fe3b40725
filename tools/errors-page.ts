/** Generates docs/errors.md from the error catalogue, with one table for each area. */

import { accessErrors } from '../core/contract/errors/access.ts';
import { daemonErrors } from '../core/contract/errors/daemons.ts';
import type { Entries } from '../core/contract/errors/entry.ts';
import { fileErrors } from '../core/contract/errors/files.ts';
import { inputErrors } from '../core/contract/errors/input.ts';
import { jobErrors } from '../core/contract/errors/jobs.ts';
import { modelErrors } from '../core/contract/errors/models.ts';
import { packageErrors } from '../core/contract/errors/packages.ts';
import { pluginErrors } from '../core/contract/errors/plugins.ts';
import { sshErrors } from '../core/contract/errors/ssh.ts';
import { syncErrors } from '../core/contract/errors/sync.ts';
import { workerErrors } from '../core/contract/errors/workers.ts';
import { errorCatalogue } from '../core/contract/errors.ts';

const areas: Readonly<Record<string, Entries>> = {
  'Command line and API': inputErrors,
  'Configuration and state files': fileErrors,
  'Keys, scopes and limits': accessErrors,
  'Queen and hives': daemonErrors,
  'Other machines over SSH': sshErrors,
  'hives.conf and sync': syncErrors,
  'Plugins and worker types': pluginErrors,
  'Packages, programs and downloads': packageErrors,
  'Devices, memory and models': modelErrors,
  'Workers and their requests': workerErrors,
  Jobs: jobErrors,
};

export const errorsPage = (): string => {
  const listed = Object.values(areas).flatMap((entries) => Object.keys(entries));
  const missing = Object.keys(errorCatalogue).filter((code) => !listed.includes(code));
  if (missing.length > 0) throw new Error(`no area of docs/errors.md has ${missing.join(', ')}`);
  return `# Errors

Every error in rbee has a stable code, a message (what happened to which thing) and a hint (what to try). The command line
prints \`error: …\` and \`try: …\`. With \`--json\`, and in answers of the queen, an error is
\`{ "error": { "code", "message", "hint" } }\`. Words in braces stand for the details of one error. For
applications, \`code\` is OpenAI's where it has one, otherwise the code below in lower case; \`type\` and \`param\` are OpenAI's.
Errors of engines get the same format. To link to an error, use its code: \`errors.md#USAGE\`.

\`npm run docs\` generates this page from \`core/contract/errors/\`.
${Object.entries(areas).map(section).join('')}`;
};

const section = ([title, entries]: [string, Entries]): string => {
  const rows = Object.entries(entries).map(
    ([code, { status, message, hint }]) =>
      `| <a id="${code}"></a>\`${code}\` | ${status} | ${cell(message)} | ${cell(hint)} |`,
  );
  return `
## ${title}

| code | HTTP status | what happened | what to try |
|---|---|---|---|
${rows.join('\n')}
`;
};

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
