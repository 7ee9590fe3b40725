/** The page of the error catalogue, made from the catalogue itself. */
import { errorCatalogue } from '../core/contract/errors.ts';

export const errorsPage = (): string => {
  const rows = Object.entries(errorCatalogue).map(
    ([code, { status, message, hint }]) => `| \`${code}\` | ${status} | ${cell(message)} | ${cell(hint)} |`,
  );
  return `# Errors

Every error that rbee shows has a stable code, says what happened to which thing, and what to try. On the command line
it is printed as \`error: …\` and \`try: …\`; with \`--json\`, and in answers of the queen, it is
\`{ "error": { "code", "message", "hint" } }\`. Words in braces stand for the thing that the error is about. At the address
for applications, \`code\` is OpenAI's where it has one, otherwise the code below in lower case, and \`type\` and \`param\` are
OpenAI's; errors of engines are put into the same shape.

This page is made from \`core/contract/errors.ts\` by \`npm run docs\`.

| code | HTTP status | what happened | what to try |
|---|---|---|---|
${rows.join('\n')}
`;
};

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
