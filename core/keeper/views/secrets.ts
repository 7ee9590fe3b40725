/** Formats secrets: names and uses, never values. */
import type { SecretUse, SecretView } from '../../contract/secret-reference.ts';
import { formatAge } from '../../narration/quantities.ts';
import type { Terminal } from '../../narration/text.ts';
import { type Column, formatTable } from '../terminal/table.ts';

export const formatSecrets = (secrets: readonly SecretView[], terminal: Terminal, now = Date.now()): string =>
  secrets.length === 0
    ? 'no secrets; store one with: rbee secret set NAME\n'
    : formatTable(secrets, columns(now), terminal);

const columns = (now: number): Column<SecretView>[] => [
  { title: 'SECRET', value: ({ name }) => name },
  { title: 'SET', value: ({ updatedAt }) => `${formatAge(updatedAt, now)} ago`, align: 'right' },
  { title: 'USED BY', value: ({ uses }) => uses.map(useText).join(', ') || '-', flexible: true },
];

export const formatSecretSet = ({ name, uses }: SecretView): string => {
  const running = workersOf(uses);
  const restart = running.map((use) => `to use the new value in ${use.worker}: ${restartOf(use)}\n`);
  return `stored secret ${name}; use it as secret:${name}\n${restart.join('')}`;
};

export const formatSecretDeleted = ({ name, uses }: SecretView): string => {
  if (uses.length === 0) return `deleted secret ${name}; nothing uses it\n`;
  const lines = uses.map((use) => `  ${useText(use)}\n`);
  return `deleted secret ${name}; still used by:\n${lines.join('')}`;
};

type WorkerUse = Extract<SecretUse, { kind: 'worker' }>;

const workersOf = (uses: readonly SecretUse[]): WorkerUse[] => uses.filter((use) => use.kind === 'worker');

const restartOf = ({ worker, hive }: WorkerUse): string =>
  `rbee worker restart ${worker}${hive === 'local' ? '' : ` --hive ${hive}`}`;

const useText = (use: SecretUse): string =>
  use.kind === 'worker'
    ? `worker ${use.worker} of hive ${use.hive} (${use.state})`
    : `${use.type} of hive ${use.hive} in hives.conf (line ${use.line})`;
