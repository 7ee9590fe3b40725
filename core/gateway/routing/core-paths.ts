/** Paths of the queen's own APIs, which no worker type can serve: neither on the loopback port nor on the socket. */
const own = /^\/(health|v1\/(status|hives|workers|catalog|operations|jobs|models))(\/|$)/;

/** Also true for a path that ends in a wildcard and would include one of them. */
export const isCorePath = (path: string): boolean => own.test(path) || path === '/*' || path === '/v1/*';
