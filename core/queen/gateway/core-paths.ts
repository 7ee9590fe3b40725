/** Paths that belong to the queen herself: no worker type can take them over, on neither address. */
const own = /^\/(health|v1\/(status|hives|workers|catalog|operations|jobs|models))(\/|$)/;

export const isCorePath = (path: string): boolean => own.test(path);
