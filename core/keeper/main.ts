/** The command line: finds the oclif command to run, or suggests what was meant. */
import { Config } from '@oclif/core/config';
import { type Paths, pathsFrom } from '../config/paths.ts';
import { checkHome } from '../config/private-places.ts';
import { rbeeVersion } from '../config/version.ts';
import { RbeeError } from '../contract/errors.ts';
import { didYouMean } from '../narration/near.ts';
import { paint } from '../narration/text.ts';
import { ShownHelp } from './help.ts';
import { declaredPlugins, hasEverydayHooks } from './plugin-commands/declared.ts';
import type { PluginEnded } from './plugin-commands/ended.ts';
import { asReportable, errorJson, exitCodeOf, formatError } from './terminal/report.ts';
import { standardError, standardOutput } from './terminal/screens.ts';
import { topics } from './topics.ts';

/** Runs one command line, and sets `process.exitCode`. */
export const main = async (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> => {
  const report = (thrown: unknown): void => {
    const { exitCode, report: error } = isEnded(thrown) ? thrown : ownFailure(thrown);
    process.exitCode = exitCode;
    if (error === null) return;
    if (argv.includes('--json')) standardOutput(env).json(errorJson(error), 2);
    else standardError(env).show(error.toJSON(), formatError);
  };
  // Node would print the error raw, with any control characters in it.
  process.once('uncaughtException', (error) => {
    report(error);
    process.exit();
  });
  // Our own commands report their errors themselves; this is for errors in finding and loading commands, and in plugins.
  await dispatch(argv, env).catch(report);
};

const ownFailure = (thrown: unknown): Pick<PluginEnded, 'exitCode' | 'report'> => {
  const report = asReportable(thrown, 'rbee --help', () => '');
  return { exitCode: exitCodeOf(report), report };
};

/** The commands are in a folder next to this file, in the sources and in the build; the build adds a manifest. */
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

const dispatch = async (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> => {
  const end = argv.indexOf('--');
  const before = end === -1 ? argv : argv.slice(0, end);
  const asksHelp = argv[0] === 'help';
  const wantsHelp = asksHelp || before.includes('--help') || before.includes('-h');
  const words = asksHelp ? argv.slice(1) : argv;
  const own = await loadConfig();
  if (/^(--version|-v|version)$/.test(words[0] ?? '')) return standardOutput(env).line(`rbee ${own.version}`);
  const ours = find(words, own);
  const config = await withPluginsFor(ours, own, env);
  const found = config === own || ours.command !== undefined ? ours : find(words, config);
  const { command: id, rest } = found;
  await config.runHook('init', { argv: rest, id });
  if (id !== undefined && !wantsHelp) return run(id, rest, config);
  if (found.unknown !== undefined) {
    const answers = await config.runHook('command_not_found', { argv: [...words], id: found.unknown.join(':') });
    if (answers.successes.length > 0) return;
    throw unknownCommand(found.unknown, config);
  }
  const stray = id === undefined ? strayFlag(words) : undefined;
  if (stray !== undefined && !asksHelp) throw unknownFlag(stray, found.topic);
  const subject = id ?? found.topic;
  await new ShownHelp(config, config.pjson.oclif.helpOptions, standardOutput(env)).showHelp(
    subject === undefined ? [] : subject.split(':'),
  );
};

/** Runs the command and its hooks. Errors of a plugin are reported as such. */
const run = async (id: string, argv: string[], config: Config): Promise<void> => {
  const command = config.findCommand(id);
  let error: Error | undefined;
  try {
    await config.runCommand(id, argv, command);
  } catch (thrown) {
    error = thrown as Error;
    if (command?.pluginType === 'core' || isEnded(thrown)) throw thrown;
    const words = id.replaceAll(':', ' ');
    const { PluginEnded } = await import('./plugin-commands/ended.ts');
    const plugin = command?.pluginName ?? command?.pluginAlias ?? 'of this command';
    throw PluginEnded.from(thrown, plugin, `its command ${words}`, `rbee ${words} --help`);
  } finally {
    await config.runHook('finally', { argv, Command: command as never, error, id });
  }
};

const isEnded = (thrown: unknown): thrown is PluginEnded => thrown instanceof Error && 'report' in thrown;

/** Plugins are only loaded when needed: for an unknown command, for a list of all commands, for hooks. */
const withPluginsFor = async ({ command }: Found, config: Config, env: NodeJS.ProcessEnv): Promise<Config> => {
  // The hidden commands of shell completion and of rbee itself must be fast.
  if (command?.startsWith('__')) return config;
  const place = placeOf(env);
  const declared = place ? declaredPlugins(place.data) : [];
  const wanted = command === undefined ? declared : declared.filter((plugin) => hasEverydayHooks([plugin]));
  if (place === null || wanted.length === 0) return config;
  const { withPlugins } = await import('./plugin-commands/load.ts');
  const screen = standardError(env);
  const warn = (text: string) =>
    screen.show(text, (shown, terminal) => `${paint('yellow', 'warning:', terminal)} ${shown}\n`);
  try {
    // Code named by the index runs in this process, so the index must not be writable by other users.
    checkHome(place);
  } catch (error) {
    if (!(error instanceof RbeeError)) throw error;
    warn(`no plugin commands: ${error.message}; ${error.hint}`);
    return config;
  }
  return withPlugins(config, wanted, { paths: place, env, warn });
};

/** Null without a home folder: then there are no plugins either. */
const placeOf = (env: NodeJS.ProcessEnv): Paths | null => {
  try {
    return pathsFrom(env);
  } catch {
    return null;
  }
};

interface Found {
  command?: string;
  topic?: string;
  /** The words from the first one that names neither. */
  unknown?: string[];
  rest: string[];
}

/** Consumes words for as long as they name a topic or a command. */
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
    return RbeeError.of('USAGE', { problem: `${place} ${flag}: the command is missing`, help });
  }
  const near = didYouMean(flag, ['--help', '--version', '--json']);
  return RbeeError.of('USAGE', { problem: `there is no flag ${flag}${near}`, help });
};

const unknownCommand = (words: readonly string[], config: Config): RbeeError => {
  const typed = words.join(' ');
  const known = config.commands.filter(({ hidden }) => !hidden).map(({ id }) => id.replaceAll(':', ' '));
  // Also matches the verb alone: `rbee spawn` probably means `rbee worker spawn`.
  const sameVerb = known.filter((command) => command.endsWith(` ${typed}`));
  const firstWords = new Set(known.map((command) => command.split(' ')[0] ?? ''));
  const near =
    sameVerb.length > 0
      ? `; did you mean ${sameVerb.join(' or ')}?`
      : didYouMean(typed, known) || (words.length === 1 ? didYouMean(typed, firstWords) : '');
  const topic = words.length > 1 ? `rbee ${words.slice(0, -1).join(' ')} --help` : 'rbee --help';
  return RbeeError.of('USAGE', { problem: `there is no command ${typed}${near}`, help: topic });
};
