/** The target of a request, in each of the forms in which clients and proxies send it. */

/** The path of a target, without its query. */
export const pathOf = (url: string): string => url.split('?', 1)[0] ?? url;

/** `http://host/path`, the form that is sent to proxies. */
const absoluteForm = /^http:\/\/([^/?#@]*)(?=[/?]|$)/i;

/**
 * The host and port of a target in absolute form, which takes precedence over the `Host` header; empty if the target is
 * malformed, undefined if it names no host.
 */
export const authorityOf = (target = '/'): string | undefined =>
  target.startsWith('/') || target === '*' ? undefined : (absoluteForm.exec(target)?.[1] ?? '');

/** Path and query of a target in either form. For fastify's option `rewriteUrl`. */
export const originForm = ({ url = '/' }: { url?: string }): string => {
  if (url.startsWith('/')) return url;
  const path = url.replace(absoluteForm, '');
  return path === url || path.startsWith('/') ? path : `/${path}`;
};
