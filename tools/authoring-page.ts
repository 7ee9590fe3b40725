/** The guide for authors: written by hand as far as it tells, made from the contract and the examiner where it lists. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { areaOf, areas } from '../core/conformance/check.ts';
import { checks } from '../core/conformance/checks/index.ts';
import { type Declared, declarationsOf, type Member } from './contract-members.ts';

const root = join(import.meta.dirname, '..');
export const authoringFile = join(root, 'docs/authoring-a-worker-type.md');
const begin = '<!-- made by npm run docs: from here on -->';

/** The page as it is to be: the words above the mark stay as they are in the file. */
export const authoringPage = (): string => {
  const page = readFileSync(authoringFile, 'utf8');
  const [written = ''] = page.split(begin);
  return `${written}${begin}\n\n${contract()}\n${examination()}`;
};

const contract = (): string => {
  const source = readFileSync(join(root, 'core/contract/worker-type.ts'), 'utf8');
  return `## The contract, member by member

${declarationsOf(source).map(section).join('\n')}`;
};

const section = ({ name, text, members, alias }: Declared): string => {
  const intro = text === '' ? '' : `${text}\n\n`;
  if (alias !== undefined) return `### \`${name}\`\n\n${intro}\`\`\`ts\n${alias}\n\`\`\`\n`;
  return `### \`${name}\`\n\n${intro}| member | |\n|---|---|\n${members.map(row).join('\n')}\n`;
};

const row = ({ declaration, text }: Member): string => `| \`${cell(declaration)}\` | ${cell(text)} |`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

const examination = (): string => `## What the examiner checks

${checks.length} checks. Those of what a type does not declare are not made. The id stands in the report.

${Object.entries(areas)
  .map(([area, title]) => {
    const rows = checks
      .filter((check) => areaOf(check) === area)
      .map(({ id, title: text }) => `| \`${id}\` | ${cell(text)} |`);
    return `### ${title}\n\n| check | |\n|---|---|\n${rows.join('\n')}\n`;
  })
  .join('\n')}
The lists on this page are made from \`core/contract/worker-type.ts\` and \`core/conformance/checks/index.ts\` by \`npm run docs\`.
`;
