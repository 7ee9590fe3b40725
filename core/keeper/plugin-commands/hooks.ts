/** Hooks of plugins: one that fails or hangs is reported by name, and does not affect anything else. */
import type { Config } from '@oclif/core/config';
import { exitOf, PluginEnded } from './ended.ts';

/** Events that rbee itself runs; plugins may run others among themselves. */
const events = ['init', 'prerun', 'postrun', 'finally', 'command_not_found'];
/** Milliseconds that a hook may take. */
const hookMs = 10_000;

type RunHook = Config['runHook'];
type HookResult = Awaited<ReturnType<RunHook>>;

/** Replaces the `runHook` of `config`. An error with an exit code ends the command, as oclif intends. */
export const guardHooks = (config: Config, warn: (text: string) => void): Config => {
  const run = config.runHook.bind(config) as (...args: unknown[]) => Promise<HookResult>;
  const guarded = async (event: string, options: unknown, timeoutMs?: number, captureErrors?: boolean) => {
    if (!events.includes(event)) return run(event, options, timeoutMs, captureErrors);
    const result = await awake(run(event, options, timeoutMs ?? hookMs, true));
    if (result === null) {
      const suspects = [...config.plugins.values()].filter(({ hooks }) => hooks[event]).map(({ name }) => name);
      warn(`a hook ${event} did not load within ${hookMs / 1_000} s; it is one of ${suspects.join(', ')}`);
      return { failures: [], successes: [] };
    }
    for (const { error, plugin } of result.failures) {
      const member = `its hook ${event}`;
      if (exitOf(error)) throw PluginEnded.from(error, plugin.name, member, 'rbee --help');
      if (exitOf(error) === undefined) warn(`the plugin ${plugin.name}: ${member} failed: ${error.message}`);
    }
    return result;
  };
  config.runHook = guarded as RunHook;
  return config;
};

/**
 * oclif's timer does not keep the process alive: without this one, a hook that waits for nothing would end the command
 * silently. Null for a module that never finishes loading, for which oclif has no timeout.
 */
const awake = async (running: Promise<HookResult>): Promise<HookResult | null> => {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), hookMs + 1_000);
  });
  try {
    return await Promise.race([running, overdue]);
  } finally {
    clearTimeout(timer);
  }
};
