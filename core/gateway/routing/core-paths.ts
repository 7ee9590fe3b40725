/** Paths of the queen's own APIs, which no worker type can serve: neither on the loopback port nor on the socket. */
const own = /^\/(health|v1\/(status|hives|workers|catalog|operations|jobs|models|keys|secrets))(\/|$)/;
/** They begin with a segment that stands for any. */
const anySegment = /^\/(v1\/)?(\*|\{)/;

/** Also true for a path that stands for several and would include one of them. */
export const isCorePath = (path: string): boolean => own.test(path) || anySegment.test(path);
