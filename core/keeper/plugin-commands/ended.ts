/** An error of a command or hook of a plugin: how it is reported, and with which exit code. */
import { type ErrorBody, errorCatalogue, RbeeError } from '../../contract/errors.ts';
import { asReportable, exitCodeOf, exitCodes } from '../terminal/report.ts';

export class PluginEnded extends Error {
  readonly exitCode: number;
  /** Null if the plugin only asked for an exit code. */
  readonly report: RbeeError | null;

  private constructor(exitCode: number, report: RbeeError | null) {
    super(report?.message ?? `exit code ${exitCode}`);
    this.exitCode = exitCode;
    this.report = report;
  }

  /** `member` is the part of the plugin that failed: `its command x hello`. */
  static from(thrown: unknown, plugin: string, member: string, help: string): PluginEnded {
    const exit = exitOf(thrown);
    if (thrown instanceof Error && 'parse' in thrown) {
      return new PluginEnded(
        exitCodes.usage,
        asReportable(thrown, help, () => ''),
      );
    }
    if (exit !== undefined && (thrown as { code?: unknown }).code === 'EEXIT') return new PluginEnded(exit, null);
    const passed = errorOfClient(thrown);
    if (passed !== null) return new PluginEnded(exitCodeOf(passed), passed);
    const { message, suggestions } = wordsOf(thrown);
    if (exit === undefined) {
      return new PluginEnded(exitCodes.failed, RbeeError.of('PLUGIN_FAILED', { plugin, member, problem: message }));
    }
    // The plugin called `this.error` with a message for its user, so show that message unchanged.
    const body = { code: 'PLUGIN_FAILED', message, hint: suggestions ?? `it comes from the plugin ${plugin}` } as const;
    return new PluginEnded(exit, RbeeError.from(body));
  }
}

/** The exit code that oclif's `this.error` and `this.exit` ask for; undefined for any other error. */
export const exitOf = (thrown: unknown): number | undefined => {
  const { exit } = (thrown as { oclif?: { exit?: unknown } } | null)?.oclif ?? {};
  return typeof exit === 'number' ? exit : undefined;
};

/** An error of `@rbee/core/client`. Its class comes from another copy of the module, so it is recognized by its fields. */
const errorOfClient = (thrown: unknown): RbeeError | null => {
  if (!(thrown instanceof Error) || thrown.name !== 'RbeeError') return null;
  const { code, hint, lines } = thrown as Error & Partial<ErrorBody>;
  if (typeof code !== 'string' || !Object.hasOwn(errorCatalogue, code) || typeof hint !== 'string') return null;
  const said = Array.isArray(lines) ? lines.filter((line) => typeof line === 'string') : [];
  return RbeeError.from({ code, message: thrown.message, hint, lines: said });
};

const wordsOf = (thrown: unknown): { message: string; suggestions?: string } => {
  if (!(thrown instanceof Error)) return { message: String(thrown) };
  const { suggestions } = thrown as { suggestions?: unknown };
  const message = thrown.message || thrown.name;
  return Array.isArray(suggestions) && suggestions.length > 0
    ? { message, suggestions: suggestions.join('; ') }
    : { message };
};
