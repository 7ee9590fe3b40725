/** Which flags a build of llama-server has: they change between builds, and an unknown flag ends the program. */
import type { Probe } from '@rbee/contract';

export interface Build {
  /** Such as `b10875`; absent if the build does not say. */
  version?: string;
  /** The flags that its help lists; absent if the help could not be parsed. */
  flags?: readonly string[];
}

const flagsId = 'llama-server-flags';
const versionId = 'llama-server-version';

export const buildProbes: Probe[] = [
  {
    id: flagsId,
    program: '$binary',
    args: ['--help'],
    parse: ({ stdout }) => readFlags(stdout),
  },
  {
    id: versionId,
    program: '$binary',
    args: ['--version'],
    parse: ({ stdout, stderr }) => readVersion(`${stderr}\n${stdout}`),
  },
];

export const buildOf = (probes: Readonly<Record<string, unknown>> = {}): Build => {
  const flags = probes[flagsId] as readonly string[] | null | undefined;
  const version = probes[versionId] as string | null | undefined;
  return { ...(version ? { version } : {}), ...(flags?.length ? { flags } : {}) };
};

/**
 * An entry of the help starts with its flags at the beginning of a line, `-lm,   --load-mode MODE`; further lines are
 * indented. Some removed flags still have an entry that says so.
 */
const readFlags = (help: string): string[] => {
  const entries: { flags: string[]; gone: boolean }[] = [];
  for (const line of help.slice(0, maxHelpLength).split('\n')) {
    const names = /^-{1,2}[A-Za-z][\w-]*(?:,\s+-{1,2}[A-Za-z][\w-]*)*/.exec(line)?.[0];
    if (names !== undefined) entries.push({ flags: names.split(/,\s+/), gone: false });
    const last = entries.at(-1);
    if (last !== undefined && line.includes('argument has been removed')) last.gone = true;
  }
  return entries.flatMap(({ flags, gone }) => (gone ? [] : flags));
};

const maxHelpLength = 1_000_000;

/** `version: 10875 (abc1234)`, or `version: 0.5.0-dev (build 10875, commit de3ff81)`. */
const readVersion = (text: string): string | null => {
  const build = /^version: (?:\S{1,40} \(build )?(\d{1,9})\b(?=[ ,])/m.exec(text)?.[1];
  return build === undefined ? (/^version: (\S{1,40})/m.exec(text)?.[1] ?? null) : `b${build}`;
};
