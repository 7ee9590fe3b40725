/** oclif's help, written through the screen, because it contains text from plugins. */
import { Help } from '@oclif/core/help';
import type { Screen } from '../narration/screen.ts';

export class ShownHelp extends Help {
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
