/** Test scale: long loops run in full in CI (`RBEE_TEST_SCALE=full`) and are shortened elsewhere. */

export const scaled = (full: number, short: number): number =>
  process.env['RBEE_TEST_SCALE'] === 'full' ? full : short;

/** Why a slow test is skipped at the default scale; false at full scale. */
export const atFullScale: string | false = scaled(0, 1) === 1 && 'slow: runs only with RBEE_TEST_SCALE=full';

/** Every nth of a list at the default scale, all of it at full scale. */
export const sampleOf = <Item>(items: readonly Item[], nth = 3): Item[] =>
  items.filter((_, at) => at % scaled(1, nth) === 0);
