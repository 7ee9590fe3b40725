/** Makes a function throw if it reads the clock, a random number or the environment. */

/**
 * Runs `call` with `Date`, `performance.now`, `Math.random` and `process.env` replaced by versions that throw. `call` must be
 * synchronous: nothing else runs in between.
 */
export const withoutWorld = <Value>(call: () => Value): Value => {
  const { Date: date, Math: math, performance: clock } = globalThis;
  const [random, now, env] = [math.random, clock.now, process.env];
  globalThis.Date = new Proxy(date, {
    apply: () => refuse('reads the clock'),
    construct: (target, args) => (args.length === 0 ? refuse('reads the clock') : Reflect.construct(target, args)),
    get: (target, key) => (key === 'now' ? () => refuse('reads the clock') : Reflect.get(target, key)),
  });
  math.random = () => refuse('asks for a random number');
  clock.now = () => refuse('reads the clock');
  process.env = new Proxy(env, {
    get: (_, key) => refuse(`reads the environment (${String(key)})`),
    has: (_, key) => refuse(`reads the environment (${String(key)})`),
    ownKeys: () => refuse('reads the environment'),
  });
  try {
    return call();
  } finally {
    globalThis.Date = date;
    math.random = random;
    clock.now = now;
    process.env = env;
  }
};

const refuse = (what: string): never => {
  throw new Error(`it ${what}`);
};
