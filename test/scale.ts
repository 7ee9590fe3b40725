/** How much is tested: long loops run at full length in CI (`RBEE_TEST_SCALE=full`), and in short elsewhere. */

export const scaled = (full: number, short: number): number =>
  process.env['RBEE_TEST_SCALE'] === 'full' ? full : short;

/** Why a test that takes long is skipped at the default scale; false at full scale. */
export const atFullScale: string | false = scaled(0, 1) === 1 && 'takes long; RBEE_TEST_SCALE=full';

/** Every nth of a list at the default scale, all of it at full scale. */
export const sampleOf = <Item>(items: readonly Item[], nth = 3): Item[] =>
  items.filter((_, at) => at % scaled(1, nth) === 0);
