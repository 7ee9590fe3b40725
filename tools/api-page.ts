/** Generates docs/api.md: routes from the comment in `core/contract/api/queen-api.ts`, operations from their table. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { operations } from '../core/contract/api/operations.ts';

interface InputSchema {
  properties: Record<string, { type?: string; description?: string; anyOf?: { const?: string }[]; pattern?: string }>;
  required?: readonly string[];
}

export const apiPage = (): string => `# API

The queen listens in two places. Applications use TCP, by default \`http://127.0.0.1:8500\`; \`rbee status\` shows the
address. The \`rbee\` command uses a socket that only its owner can open. Requests on that socket may do everything; over
TCP, operations need a key with the scope that stands beside them.

To query it by hand:

    curl --unix-socket ~/.local/state/rbee/*/queen.sock http://queen/v1/status

Programs in JavaScript and TypeScript can use [the client](client.md) instead. The types named below are defined in
\`core/contract/api/queen-api.ts\`, \`core/contract/api/hive-api.ts\`, \`core/contract/worker.ts\` and \`core/contract/api/narration.ts\`.

${routes()}

## Operations

Start an operation with \`POST /v1/jobs\` and the body \`{ "operation": NAME, "input": { … } }\`. Its events are numbered; the
last is a \`result\` or an \`error\`. Operations that only read also have a GET request.

${Object.entries(operations)
  .map(([name, { summary, kind, scope, input }]) =>
    operation(name, summary, `${kind}, ${scope}`, input as unknown as InputSchema),
  )
  .join('\n')}
\`npm run docs\` generates this page from \`core/contract/api/queen-api.ts\` and \`core/contract/api/operations.ts\`.
`;

/** The comment at the top of the contract, without its first sentence. */
const routes = (): string => {
  const source = readFileSync(join(import.meta.dirname, '../core/contract/api/queen-api.ts'), 'utf8');
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? '';
  const text = comment
    .split('\n')
    .map((line) => line.replace(/^ \* ?/, ''))
    .join('\n');
  return text.slice(text.indexOf('On `queen.sock`')).trim();
};

const operation = (name: string, summary: string, kind: string, input: InputSchema): string => {
  const rows = Object.entries(input.properties).map(([key, schema]) => {
    const type = schema.type ?? schema.anyOf?.map((item) => `"${item.const}"`).join(' or ') ?? 'any';
    return `| \`${key}\` | ${type}${input.required?.includes(key) ? ', required' : ''} | ${schema.description ?? ''} |`;
  });
  const table = rows.length === 0 ? '' : `\n| input | type | |\n|---|---|---|\n${rows.join('\n')}\n`;
  return `### \`${name}\` (${kind})\n\n${summary}.\n${table}`;
};
