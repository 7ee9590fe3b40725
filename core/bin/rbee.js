#!/usr/bin/env node
// Old versions of Node must be able to parse this file, and the version check runs before anything modern is loaded.
var required = 24;

function begin() {
  if (Number(process.versions.node.split('.')[0]) < required) {
    process.stderr.write(
      'rbee needs Node ' +
        required +
        ' or newer, this is ' +
        process.version +
        '; install it from https://nodejs.org\n',
    );
    process.exitCode = 1;
    return undefined;
  }
  var argv = process.argv.slice(2);
  if (argv.length === 1 && argv[0] === '--version') return printVersion();
  // A reader that closes the pipe early, such as head, is not a failure.
  leaveOnBrokenPipe(process.stdout);
  leaveOnBrokenPipe(process.stderr);
  var keeper = findKeeper();
  return answerFast(keeper, argv).then((answered) => (answered ? undefined : runCommand(keeper, argv)));
}

function printVersion() {
  var file = new URL('../package.json', import.meta.url);
  process.stdout.write('rbee ' + JSON.parse(builtin('fs').readFileSync(file, 'utf8')).version + '\n');
}

function leaveOnBrokenPipe(stream) {
  var problem;
  stream.on('error', (error) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode || 0);
    if (stream === process.stdout) {
      problem = error.code === 'ENOSPC' ? 'no space is left on the device' : error.message;
      process.stderr.write('error: the output cannot be written: ' + problem + '\n');
    }
    process.exit(1);
  });
}

// The build if there is one, otherwise the sources, which Node runs directly.
function findKeeper() {
  var built = new URL('../dist/keeper/', import.meta.url);
  if (builtin('fs').existsSync(new URL('main.js', built))) return { folder: built, extension: '.js' };
  return { folder: new URL('../keeper/', import.meta.url), extension: '.ts' };
}

function load(keeper, name) {
  return import(new URL(name + keeper.extension, keeper.folder).href);
}

function answerFast(keeper, argv) {
  if (!/^(status|(worker|hive) list)( --json)?$/.test(argv.join(' '))) return Promise.resolve(false);
  return load(keeper, 'fast').then((fast) => fast.answerFast(argv, process.env));
}

function runCommand(keeper, argv) {
  keepCompiled(process.env);
  return load(keeper, 'main').then((loaded) => loaded.main(argv, process.env));
}

// Caches compiled code between runs, in the cache folder of core/config/paths.ts. Loading that file to get the path would
// take as long as the cache saves. The folder is private, so that no other user can put code there.
function keepCompiled(env) {
  if (!env.RBEE_HOME && !env.XDG_CACHE_HOME && !env.HOME) return;
  var cache = env.RBEE_HOME ? env.RBEE_HOME + '/cache' : (env.XDG_CACHE_HOME || env.HOME + '/.cache') + '/rbee';
  try {
    makeFolder(env.NODE_COMPILE_CACHE || cache);
    builtin('module').enableCompileCache(env.NODE_COMPILE_CACHE || cache + '/compiled');
  } catch (_) {
    // Without the cache, rbee is slower but works.
  }
}

// One by one: Node's recursive mkdir and its compile cache loop forever where the system keeps answering ENOENT, as
// below /proc.
function makeFolder(folder) {
  var fs = builtin('fs');
  var path = builtin('path');
  var at = path.resolve(folder);
  var missing = [];
  for (; !fs.existsSync(at); at = path.dirname(at)) missing.unshift(at);
  missing.forEach((each) => {
    fs.mkdirSync(each, { mode: 0o700 });
  });
  fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK);
}

function builtin(name) {
  return process.getBuiltinModule('node:' + name);
}

// For errors before the error report could be loaded. Escapes control characters, as the report does.
Promise.resolve(begin()).catch((error) => {
  var text = String((error instanceof Error && error.stack) || error);
  var harmless = text.replace(/[^\n\x20-\x7e]/g, (character) => {
    return '\\u' + ('000' + character.charCodeAt(0).toString(16)).slice(-4);
  });
  process.stderr.write('error: ' + harmless + '\n');
  process.exitCode = 1;
});
