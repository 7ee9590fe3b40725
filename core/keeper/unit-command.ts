/** What `queen enable|disable` and `hive enable|disable` share: systemd user units. */
import { dirname, join } from 'node:path';
import type { UnitSpec } from '../lifecycle/limits/systemd-units.ts';
import { RbeeCommand } from './base.ts';

type Daemon = 'queen' | 'hive';

export abstract class UnitCommand extends RbeeCommand {
  protected async enable(daemon: Daemon): Promise<{ enabled: true; file: string }> {
    await this.#mustStart(daemon);
    const { unitName } = await import('../lifecycle/limits/systemd-units.ts');
    const { file } = await this.narrated(async (narrate) =>
      (await this.#units(narrate)).enable(await this.#spec(daemon)),
    );
    this.printLine(`wrote and enabled ${file}: the ${daemon} starts at boot`);
    this.printLine(`to start it now through systemd: rbee ${daemon} stop; systemctl --user start ${unitName(daemon)}`);
    return { enabled: true, file };
  }

  protected async disable(daemon: Daemon): Promise<{ disabled: boolean }> {
    const disabled = await this.narrated(async (narrate) => (await this.#units(narrate)).disable(daemon));
    this.printLine(
      disabled
        ? `the ${daemon} no longer starts at boot; if it is running, it keeps running`
        : `the ${daemon} was not enabled`,
    );
    return { disabled };
  }

  /** Finds out now, not at the next boot, whether the service can start. */
  async #mustStart(daemon: Daemon): Promise<void> {
    const { hiveProblems, mustStart, queenProblems } = await import('../queen/client/config-problems.ts');
    const { queenStatus } = await import('../queen/client/queen-daemon.ts');
    const queen = async () => queenProblems(this.paths, await queenStatus({ paths: this.paths, env: this.env }));
    mustStart(await (daemon === 'queen' ? queen() : hiveProblems(this.paths)));
  }

  async #units(narrate: Parameters<Parameters<typeof this.narrated>[0]>[0]) {
    const { SystemdUnits } = await import('../lifecycle/limits/systemd-units.ts');
    const { localRunner } = await import('../lifecycle/system/local-runner.ts');
    const config = this.env['XDG_CONFIG_HOME'] || join(this.env['HOME'] ?? '/', '.config');
    return new SystemdUnits({ runner: localRunner, env: this.env, folder: join(config, 'systemd', 'user'), narrate });
  }

  async #spec(daemon: Daemon): Promise<UnitSpec> {
    const { cleanEnvironment } = await import('../lifecycle/system/environment.ts');
    const { daemonSpec } = await import('../queen/client/daemon-spec.ts');
    const { argv, env, cwd, logFile, stopGraceMs = 10_000 } = daemonSpec(daemon, this.paths, this.env);
    // systemd does not create these folders.
    const { makeFolder } = await import('../lifecycle/fs/atomic-file.ts');
    for (const folder of [cwd, dirname(logFile)]) await makeFolder(folder);
    return { name: daemon, argv, env: cleanEnvironment(this.env, env), cwd, logFile, stopGraceMs };
  }
}
