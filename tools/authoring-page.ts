/** The guide for authors: hand-written above a mark, below it generated from the contract and the conformance checks. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { areaOf, areas } from '../core/conformance/check.ts';
import { checks } from '../core/conformance/checks/index.ts';
import { type Declared, declarationsOf, type Member } from './contract-members.ts';

const root = join(import.meta.dirname, '..');
export const authoringFile = join(root, 'docs/authoring-a-worker-type.md');
const begin = '<!-- made by npm run docs: from here on -->';

/** The complete page. The hand-written part is read from the file. */
export const authoringPage = (): string => {
  const page = readFileSync(authoringFile, 'utf8');
  const [written = ''] = page.split(begin);
  return `${written}${begin}\n\n${contract()}\n${examination()}`;
};

const contract = (): string => {
  const source = readFileSync(join(root, 'core/contract/worker-type/worker-type.ts'), 'utf8');
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

const examination = (): string => `## The conformance checks

There are ${checks.length} checks. Checks of optional members that a type does not declare are skipped. The report names each
check by its id.

${Object.entries(areas)
  .map(([area, title]) => {
    const rows = checks
      .filter((check) => areaOf(check) === area)
      .map(({ id, title: text }) => `| \`${id}\` | ${cell(text)} |`);
    return `### ${title}\n\n| check | |\n|---|---|\n${rows.join('\n')}\n`;
  })
  .join('\n')}
\`npm run docs\` generates these lists from \`core/contract/worker-type/worker-type.ts\` and \`core/conformance/checks/index.ts\`.
`;
