/** Generates docs/errors.md from the error catalogue. */
import { errorCatalogue } from '../core/contract/errors.ts';

export const errorsPage = (): string => {
  const rows = Object.entries(errorCatalogue).map(
    ([code, { status, message, hint }]) => `| \`${code}\` | ${status} | ${cell(message)} | ${cell(hint)} |`,
  );
  return `# Errors

Every error in rbee has a stable code, a message (what happened to which thing) and a hint (what to try). The command line
prints \`error: …\` and \`try: …\`. With \`--json\`, and in answers of the queen, an error is
\`{ "error": { "code", "message", "hint" } }\`. Words in braces stand for the details of one error.

\`npm run docs\` generates this page from \`core/contract/errors.ts\`.

| code | HTTP status | what happened | what to try |
|---|---|---|---|
${rows.join('\n')}
`;
};

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
