#!/usr/bin/env node
// The command itself is in @rbee/core; this package gives it the name that `npm install --global rbee` looks for.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

var core = createRequire(import.meta.url).resolve('@rbee/core/package.json');
import(new URL('bin/rbee.js', pathToFileURL(core)).href);
