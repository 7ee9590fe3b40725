/** Formats keys and the audit log. */
import { isLoopbackName } from '../../config/origin.ts';
import type { AuditEntry, KeyView } from '../../contract/api/access.ts';
import { formatAge } from '../../narration/quantities.ts';
import type { Terminal } from '../../narration/text.ts';
import { type Column, formatTable } from '../terminal/table.ts';

export const formatKeys = (keys: readonly KeyView[], terminal: Terminal, now = Date.now()): string =>
  keys.length === 0
    ? 'no keys; programs on this machine need none. Create one for others with: rbee key create NAME\n'
    : formatTable(keys, columns(now), terminal);

const columns = (now: number): Column<KeyView>[] => [
  { title: 'KEY', value: ({ name }) => name },
  { title: 'ID', value: ({ id }) => id },
  { title: 'SCOPE', value: ({ scope }) => scope },
  { title: 'STATE', value: ({ state }) => state, style: ({ state }) => (state === 'valid' ? undefined : 'yellow') },
  { title: 'CREATED', value: ({ createdAt }) => `${formatAge(createdAt, now)} ago`, align: 'right' },
  {
    title: 'USED',
    value: ({ lastUsedAt }) => (lastUsedAt ? `${formatAge(lastUsedAt, now)} ago` : '-'),
    align: 'right',
  },
  { title: 'EXPIRES', value: ({ expiresAt }) => expiresAt?.slice(0, 10) ?? '-' },
  { title: 'LIMITS', value: (key) => limitsOf(key).join(', ') || '-', flexible: true },
];

const limitsOf = ({ models, hives, requestsPerMinute, tokensPerMinute, maxConcurrent }: KeyView): string[] => [
  ...(models ? [`models ${models.join(' ')}`] : []),
  ...(hives ? [`hives ${hives.join(' ')}`] : []),
  ...(requestsPerMinute === undefined ? [] : [`${requestsPerMinute} requests/min`]),
  ...(tokensPerMinute === undefined ? [] : [`${tokensPerMinute} tokens/min`]),
  ...(maxConcurrent === undefined ? [] : [`${maxConcurrent} at once`]),
];

/** What to do with a new key, which is printed alone. */
export const howToUse = (url: string): string[] => [
  'This is the only time the key is shown. Use it as the API key of a client, for example:',
  `  curl ${url}/v1/models -H "Authorization: Bearer KEY"`,
  ...(isLoopbackName(new URL(url).hostname)
    ? ['Only this machine can reach that address. To let others in, set "listen" under [gateway] in rbee.conf.']
    : []),
];

export const formatAudit = (entries: readonly AuditEntry[], terminal: Terminal, isFiltered: boolean): string => {
  if (entries.length > 0) return formatTable(entries, auditColumns, terminal);
  return isFiltered
    ? 'no recorded operation matches; for the names of keys and operations, see: rbee audit\n'
    : 'no operations are recorded yet\n';
};

const auditColumns: Column<AuditEntry>[] = [
  { title: 'TIME', value: ({ at }) => at.slice(0, 19).replace('T', ' ') },
  { title: 'WHO', value: ({ who }) => who },
  { title: 'FROM', value: ({ from }) => from },
  { title: 'OPERATION', value: ({ operation }) => operation },
  { title: 'OUTCOME', value: ({ outcome, code }) => (code ? `${outcome} (${code})` : outcome), style: styleOf },
  { title: 'ABOUT', value: ({ about = {} }) => aboutText(about), flexible: true },
  { title: 'JOB', value: ({ job }) => job ?? '-' },
];

function styleOf({ outcome }: AuditEntry): 'red' | 'yellow' | undefined {
  if (outcome === 'refused') return 'red';
  return outcome === 'failed' || outcome === 'cancelled' ? 'yellow' : undefined;
}

const aboutText = (about: Readonly<Record<string, string>>): string =>
  Object.entries(about)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ') || '-';
