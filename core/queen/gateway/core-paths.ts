/** Paths that belong to the queen herself: no worker type can take them over, on neither address. */
const own = /^\/(health|v1\/(status|hives|workers|catalog|operations|jobs|models))(\/|$)/;

/** Also of a path with `/*` at its end that would take in one of them. */
export const isCorePath = (path: string): boolean => own.test(path) || path === '/*' || path === '/v1/*';
