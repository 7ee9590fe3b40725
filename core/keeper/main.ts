/** The command line behind the entry point: finds the command among oclif's, or says what was meant. */
import { Config } from '@oclif/core/config';
import { Help } from '@oclif/core/help';
import { rbeeVersion } from '../config/version.ts';
import { RbeeError } from '../contract/errors.ts';
import { didYouMean } from '../narration/near.ts';
import { terminalOf } from '../narration/text.ts';
import { asReportable, errorJson, exitCodeOf, formatError } from './report.ts';
import { topics } from './topics.ts';

/** Runs one command line to its end and leaves the exit code in `process.exitCode`. */
export const main = async (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> => {
  try {
    await dispatch(argv, await loadConfig());
  } catch (thrown) {
    // What a command throws it has reported itself; this is about finding and loading it.
    const error = asReportable(thrown, 'rbee --help', () => '');
    process.exitCode = exitCodeOf(error);
    if (argv.includes('--json')) process.stdout.write(`${JSON.stringify(errorJson(error), null, 2)}\n`);
    else process.stderr.write(formatError(error.toJSON(), terminalOf(process.stderr, env)));
  }
};

/** The commands lie beside this file, from the sources and from the build alike; the build adds a manifest of them. */
export const loadConfig = (options: { ignoreManifest?: boolean } = {}): Promise<Config> =>
  Config.load({
    root: import.meta.dirname,
    ignoreManifest: options.ignoreManifest,
    devPlugins: false,
    userPlugins: false,
    pjson: {
      name: 'rbee',
      version: rbeeVersion(),
      description: 'rbee: one command turns every machine you own into one AI service.',
      type: 'module',
      oclif: {
        bin: 'rbee',
        dirname: 'rbee',
        topicSeparator: ' ',
        commands: { strategy: 'pattern', target: './commands' },
        topics,
        helpOptions: { flagSortOrder: 'none' },
      },
    } as unknown as Config['pjson'],
  });

const dispatch = async (argv: readonly string[], config: Config): Promise<void> => {
  const end = argv.indexOf('--');
  const before = end === -1 ? argv : argv.slice(0, end);
  const wantsHelp = before.includes('--help') || before.includes('-h');
  const words = argv[0] === 'help' ? argv.slice(1) : argv;
  const found = find(words, config);
  if (/^(--version|-v|version)$/.test(words[0] ?? '')) {
    process.stdout.write(`rbee ${config.version}\n`);
  } else if (found.command === undefined || wantsHelp || argv[0] === 'help') {
    if (found.unknown !== undefined) throw unknownCommand(found.unknown, config);
    const stray = found.command ? undefined : strayFlag(words);
    if (stray !== undefined && argv[0] !== 'help') throw unknownFlag(stray, found.topic);
    const subject = found.command ?? found.topic;
    await new Help(config, config.pjson.oclif.helpOptions).showHelp(subject === undefined ? [] : subject.split(':'));
  } else {
    await config.runCommand(found.command, found.rest);
  }
};

interface Found {
  command?: string;
  topic?: string;
  /** Words that name neither, from the first on. */
  unknown?: string[];
  rest: string[];
}

/** Takes words from the start for as long as they name a topic or a command. */
const find = (argv: readonly string[], config: Config): Found => {
  let id = '';
  for (const [index, word] of argv.entries()) {
    if (word.startsWith('-')) break;
    const next = id === '' ? word : `${id}:${word}`;
    if (config.findCommand(next)) return { command: next, rest: argv.slice(index + 1) };
    if (!config.findTopic(next)) return { unknown: argv.slice(0, index + 1), rest: [] };
    id = next;
  }
  return id === '' ? { rest: [...argv] } : { topic: id, rest: [] };
};

const rootFlags = ['--help', '-h', '--version', '-v'];

const strayFlag = (words: readonly string[]): string | undefined =>
  words.find((word) => word.startsWith('-') && !rootFlags.includes(word));

const unknownFlag = (flag: string, topic: string | undefined): RbeeError => {
  const place = ['rbee', ...(topic?.split(':') ?? [])].join(' ');
  const help = `${place} --help`;
  if (flag === '--json' || flag === '--') {
    return RbeeError.of('USAGE', { problem: `${place} ${flag} names no command`, help });
  }
  const near = didYouMean(flag, ['--help', '--version', '--json']);
  return RbeeError.of('USAGE', { problem: `there is no flag ${flag}${near}`, help });
};

const unknownCommand = (words: readonly string[], config: Config): RbeeError => {
  const typed = words.join(' ');
  const known = config.commands.filter(({ hidden }) => !hidden).map(({ id }) => id.replaceAll(':', ' '));
  // The verb alone is a likely slip as well: `rbee spawn` is meant as `rbee worker spawn`.
  const sameVerb = known.filter((command) => command.endsWith(` ${typed}`));
  const near = sameVerb.length > 0 ? `; did you mean ${sameVerb.join(' or ')}?` : didYouMean(typed, known);
  const topic = words.length > 1 ? `rbee ${words.slice(0, -1).join(' ')} --help` : 'rbee --help';
  return RbeeError.of('USAGE', { problem: `there is no command ${typed}${near}`, help: topic });
};
