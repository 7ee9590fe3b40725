/** Possible next words of a command line: commands, flags, and names of existing things. */

export interface Candidate {
  value: string;
  about?: string;
}

/** The part of oclif's description of a command that completion needs. */
export interface CommandShape {
  id: string;
  summary?: string;
  hidden?: boolean;
  flags: Record<string, FlagShape>;
  args: Record<string, { options?: readonly string[]; multiple?: boolean }>;
}

interface FlagShape {
  type: 'boolean' | 'option';
  char?: string;
  description?: string;
  options?: readonly string[];
  multiple?: boolean;
  hidden?: boolean;
}

/** Names that only the running fleet knows. */
export type NameKind = 'worker' | 'hive' | 'job' | 'type' | 'model' | 'reference' | 'device' | 'secret' | 'key';
export type Names = (kind: NameKind) => Promise<readonly Candidate[]>;

export interface CommandTree {
  commands: readonly CommandShape[];
  topics: readonly { name: string; description?: string }[];
}

/** `words` is everything after `rbee`; the last one, perhaps empty, is the one being typed. */
export const complete = async (words: readonly string[], tree: CommandTree, names: Names): Promise<Candidate[]> => {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = findCommand(before, tree);
  const found = command ? await within(command, before, typed, names) : below(before, tree);
  const unique = new Map(found.map((candidate) => [candidate.value, candidate]));
  return [...unique.values()].filter(({ value }) => value.startsWith(typed));
};

const findCommand = (words: readonly string[], { commands }: CommandTree): CommandShape | undefined => {
  for (const count of [1, 2]) {
    const command = commands.find(({ id }) => id === words.slice(0, count).join(':'));
    if (command && words.length >= count) return command;
  }
  return undefined;
};

/** Topics and commands one level below the words typed so far. */
const below = (words: readonly string[], { commands, topics }: CommandTree): Candidate[] => {
  const prefix = words.map((word) => `${word}:`).join('');
  const direct = (id: string) => id.startsWith(prefix) && !id.slice(prefix.length).includes(':');
  return [
    ...topics
      .filter(({ name }) => direct(name))
      .map(({ name, description }) => ({ value: name.slice(prefix.length), about: description })),
    ...commands
      .filter(({ id, hidden }) => !hidden && direct(id))
      .map(({ id, summary }) => ({ value: id.slice(prefix.length), about: summary })),
  ];
};

const within = async (
  command: CommandShape,
  before: readonly string[],
  typed: string,
  names: Names,
): Promise<readonly Candidate[]> => {
  const words = before.slice(command.id.split(':').length);
  const inline = /^(--[\w-]+)=/.exec(typed);
  if (inline?.[1]) {
    const values = await valuesOf(command, flagNamed(command, inline[1]), names);
    return values.map(({ value, about }) => ({ value: `${inline[0]}${value}`, about }));
  }
  const open = flagNamed(command, words.at(-1) ?? '');
  if (open?.flag.type === 'option' && !words.includes('--')) return valuesOf(command, open, names);
  if (typed.startsWith('-')) return flagsLeft(command, words);
  return argumentValues(command, words, names);
};

interface NamedFlag {
  name: string;
  flag: FlagShape;
}

const flagNamed = ({ flags }: CommandShape, word: string): NamedFlag | undefined => {
  const entry = Object.entries(flags).find(
    ([name, flag]) => word === `--${name}` || (flag.char && word === `-${flag.char}`),
  );
  return entry && { name: entry[0], flag: entry[1] };
};

const flagsLeft = (command: CommandShape, words: readonly string[]): Candidate[] =>
  Object.entries(command.flags)
    .filter(
      ([name, flag]) =>
        !flag.hidden && (flag.multiple || !words.some((word) => word === `--${name}` || word.startsWith(`--${name}=`))),
    )
    .map(([name, { description }]) => ({ value: `--${name}`, about: description }))
    .concat({ value: '--help', about: 'Show help' });

const ofFlag = new Map<string, NameKind>([
  ['hive', 'hive'],
  ['type', 'type'],
  ['worker', 'type'],
  ['device', 'device'],
  ['proxy-jump', 'hive'],
  ['key', 'key'],
]);
const ofArgument = new Map<string, NameKind>([
  ['worker', 'worker'],
  ['workers', 'worker'],
  ['hive', 'hive'],
  ['job', 'job'],
  ['model', 'reference'],
  ['secret', 'secret'],
  ['key', 'key'],
]);

const valuesOf = async (
  command: CommandShape,
  named: NamedFlag | undefined,
  names: Names,
): Promise<readonly Candidate[]> => {
  if (named === undefined) return [];
  if (named.flag.options) return named.flag.options.map((value) => ({ value }));
  if (named.name === 'model')
    return command.id === 'infer' ? [...(await names('model')), demo] : [...(await names('reference')), demo];
  const kind = ofFlag.get(named.name);
  return kind ? names(kind) : [];
};

const demo: Candidate = { value: 'demo', about: 'The tiny demo model of the worker type' };

const argumentValues = async (
  command: CommandShape,
  words: readonly string[],
  names: Names,
): Promise<readonly Candidate[]> => {
  const given: string[] = [];
  for (const [index, word] of words.entries()) {
    const previous = flagNamed(command, words[index - 1] ?? '');
    if (!word.startsWith('-') && previous?.flag.type !== 'option') given.push(word);
  }
  const args = Object.entries(command.args);
  const next = args[given.length] ?? args.find(([, { multiple }]) => multiple);
  if (next === undefined) return [];
  const [name, { options, multiple }] = next;
  if (options) return options.map((value) => ({ value }));
  const kind = ofArgument.get(name);
  const values = kind ? await names(kind) : [];
  return multiple ? values.filter(({ value }) => !given.includes(value)) : values;
};
