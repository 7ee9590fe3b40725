/** `format`: the texts that the engine writes for each name. All are valid, but not every valid text is among them. */

const days = '((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))';
const date = `[0-9]{4}-${days}`;
const time = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])';
const label = '[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?';
const host = `${label}(\\.${label}){0,4}`;
const domain = `${label}(\\.${label}){0,3}\\.[a-z]{2,12}`;
const byte = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const group = '[0-9a-f]{1,4}';
const path = "([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})";
const tail = `(\\?(${path}|[/?])*)?(#(${path}|[/?])*)?`;
const uri = `[a-z][a-z0-9+.-]{0,15}:(//${host}(:[0-9]{1,5})?(/${path}*)*|${path}+(/${path}*)*)${tail}`;
const timeSpan = 'T([0-9]{1,9}H([0-9]{1,9}M([0-9]{1,9}S)?)?|[0-9]{1,9}M([0-9]{1,9}S)?|[0-9]{1,9}S)';
const daySpan = '([0-9]{1,9}Y([0-9]{1,9}M([0-9]{1,9}D)?)?|[0-9]{1,9}M([0-9]{1,9}D)?|[0-9]{1,9}D)';
const email = `[a-z0-9]+([._+-][a-z0-9]+)*@${domain}`;
const pointer = '(/([^/~]|~[01])*)*';

/** A pattern for the whole text. */
export const textFormats: ReadonlyMap<string, string> = new Map(
  Object.entries({
    date,
    time,
    'date-time': `${date}T${time}`,
    duration: `P(${daySpan}(${timeSpan})?|${timeSpan}|[0-9]{1,9}W)`,
    email,
    'idn-email': email,
    hostname: host,
    'idn-hostname': host,
    ipv4: `${byte}(\\.${byte}){3}`,
    ipv6: `(${group}:){7}${group}|(${group}(:${group}){0,2})?::(${group}(:${group}){0,2})?`,
    uri,
    iri: uri,
    'uri-reference': `${uri}|(/${path}+)+${tail}`,
    'iri-reference': `${uri}|(/${path}+)+${tail}`,
    'uri-template': `(https?://${host})?(/([A-Za-z0-9._~-]|\\{[A-Za-z0-9_]+\\})*)*`,
    uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
    'json-pointer': pointer,
    'relative-json-pointer': `(0|[1-9][0-9]{0,5})(#|${pointer})`,
    byte: '([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?',
  }),
);

/** OpenAPI's number formats, as minimum and maximum; undefined if the type already says everything. */
export const numberFormats: ReadonlyMap<string, readonly [number, number] | undefined> = new Map([
  ['int32', [-(2 ** 31), 2 ** 31 - 1]],
  ['int64', undefined],
  ['float', undefined],
  ['double', undefined],
]);

/** Formats that describe the purpose of a text, not its syntax. */
export const freeFormats: ReadonlySet<string> = new Set(['password', 'binary', 'path', 'file-path', 'directory-path']);
