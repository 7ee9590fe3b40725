/** Adds and removes machines in the text of a `hives.conf`, and keeps everything else, including comments. */
import { RbeeError } from '../contract/errors.ts';
import { didYouMean } from '../narration/near.ts';
import { parseHivesConf } from './hives-conf.ts';
import { formatToml } from './toml.ts';
import { tomlPositions } from './toml-positions.ts';

/** What `rbee hive add` can set; the names are those of the file. */
export interface NewHive {
  alias: string;
  hostname?: string;
  ssh_user?: string;
  ssh_port?: number;
  identity_file?: string;
  proxy_jump?: string;
  hive_port?: number;
  auto_start?: boolean;
  labels?: Record<string, string>;
}

/** The text with another `[[hive]]` at its end. Throws CONFIG_INVALID, HIVE_ALREADY_DECLARED, HIVES_CONF_UNEDITABLE. */
export const addHive = (source: string, file: string, hive: NewHive): string => {
  const { hives } = parseHivesConf(source, file);
  const other = hives.find(({ alias }) => alias === hive.alias);
  if (other) throw RbeeError.of('HIVE_ALREADY_DECLARED', { hive: hive.alias, line: other.line });
  if (hives.length > 0) refuseInline(source, file);
  const { labels = {}, ...plain } = hive;
  const fields = formatToml({ ...plain }).trimEnd();
  const words = Object.entries(labels).map(([key, value]) => formatToml({ [key]: value }).trimEnd());
  const entry = `[[hive]]\n${fields}\n${words.length === 0 ? '' : `labels = { ${words.join(', ')} }\n`}`;
  const end = lineEnd(source);
  const before = source === '' || source.endsWith('\n') ? source : `${source}${end}`;
  const gap = before.trim() === '' ? '' : end;
  return checked(before + gap + entry.replaceAll('\n', end), file);
};

/**
 * The text without the `[[hive]]` of this alias and the comments right above it. A comment followed by an empty line
 * belongs to the file and stays. Throws CONFIG_INVALID, HIVE_NOT_DECLARED, HIVES_CONF_UNEDITABLE.
 */
export const removeHive = (source: string, file: string, alias: string): string => {
  const { hives } = parseHivesConf(source, file);
  const index = hives.findIndex((hive) => hive.alias === alias);
  if (index === -1) {
    const known = hives.map((hive) => hive.alias);
    throw RbeeError.of('HIVE_NOT_DECLARED', {
      hive: alias,
      near: didYouMean(alias, known),
      known: known.join(', ') || 'none',
    });
  }
  refuseInline(source, file);
  const lines = source.split('\n');
  const spans = tomlPositions(source).headers.filter(({ path }) => path[0] === 'hive' && path[1] === index);
  const dropped = new Set<number>();
  for (const { line, lastLine } of spans) {
    for (let at = line; at <= lastLine; at++) dropped.add(at);
    for (let at = line - 1; /^\s*#/.test(lines[at - 1] ?? ''); at--) dropped.add(at);
  }
  // Also drops the empty lines after it, which would add up.
  for (const at of [...dropped]) {
    for (let next = at + 1; (lines[next - 1] ?? '#').trim() === '' && next < lines.length; next++) dropped.add(next);
  }
  return checked(lines.filter((_, at) => !dropped.has(at + 1)).join('\n'), file);
};

/** Hives written as `hive = [{ … }]` cannot be edited by line. */
const refuseInline = (source: string, file: string): void => {
  if (tomlPositions(source).headers.some(({ path }) => path[0] === 'hive')) return;
  throw RbeeError.of('HIVES_CONF_UNEDITABLE', { file, problem: 'its hives are not written as [[hive]]' });
};

/** Checks the new text before it is written. */
const checked = (source: string, file: string): string => {
  parseHivesConf(source, file);
  return source;
};

const lineEnd = (source: string): string => (/\r\n/.test(source) ? '\r\n' : '\n');
