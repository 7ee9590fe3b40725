/** oclif's help, written through the screen, because it contains text from plugins. */
import { CommandHelp, Help } from '@oclif/core/help';
import type { Screen } from '../narration/screen.ts';

export class ShownHelp extends Help {
  protected override CommandHelpClass = AlignedHelp;
  readonly #screen: Screen;

  constructor(
    config: ConstructorParameters<typeof Help>[0],
    options: ConstructorParameters<typeof Help>[1],
    screen: Screen,
  ) {
    super(config, options);
    this.#screen = screen;
  }

  protected override log(...texts: string[]): void {
    this.#screen.write(`${texts.join(' ')}\n`);
  }
}

/** oclif trims its tables, and with them the indentation of a first flag that has no short form. */
class AlignedHelp extends CommandHelp {
  override renderList(...[rows, options]: Parameters<CommandHelp['renderList']>): string {
    const table = super.renderList(rows, options);
    const first = rows[0]?.[0] ?? '';
    // Not for its other layout, with each description below its flag.
    const isTable = table.startsWith(`${first.trim()} `);
    return isTable ? first.slice(0, first.length - first.trimStart().length) + table : table;
  }
}
