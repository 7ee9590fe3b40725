import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsTree, planTree, refuseForeignTree } from './stage-root.ts';

const plugin = {
  name: 'worker-echo',
  dependencies: { engine: '1.0.0', '@engine/cuda': '1.0.0' },
  optionalDependencies: { '@engine/vulkan': '1.0.0' },
};

test('a package that a variant leaves out is not installed, even as a dependency of others', () => {
  const plan = planTree(plugin, { leaveOut: ['@engine/vulkan', '@engine/cuda', '@engine/deep'] });
  assert.deepEqual(plan.dependencies, { engine: '1.0.0' });
  assert.deepEqual(plan.optionalDependencies, {});
  assert.deepEqual(plan.leaveOut, ['@engine/cuda', '@engine/deep', '@engine/vulkan']);
});

test('an included package is kept, and installed on its own if it has a version', () => {
  const packages = { include: ['@engine/cuda', '@engine/extra@2.0.0'], leaveOut: ['@engine/cuda', '@engine/deep'] };
  const plan = planTree(plugin, packages);
  assert.deepEqual(plan.dependencies, plugin.dependencies);
  assert.deepEqual(plan.optionalDependencies, { '@engine/vulkan': '1.0.0', '@engine/extra': '2.0.0' });
  assert.deepEqual(plan.leaveOut, ['@engine/deep']);
});

test('a plugin without dependencies needs no tree', () => {
  assert.equal(
    needsTree(planTree({ name: 'a', dependencies: {}, optionalDependencies: {} }, { leaveOut: ['x'] })),
    false,
  );
  assert.equal(needsTree(planTree(plugin)), true);
});

test('a dependency that is not from a registry is refused by name', () => {
  const wanting = (wanted: string) => planTree({ ...plugin, dependencies: { engine: wanted } });
  for (const wanted of ['^1.2 || 2', 'latest', '', '*', 'npm:other@1', 'npm:@other/one']) wanting(wanted);
  for (const wanted of [
    'file:../../home',
    '/etc',
    '../..',
    'git+ssh://git@example.org/a.git',
    'acme/engine',
    'https://example.org/a.tgz',
    'link:/etc',
    'npm:file:/etc',
  ]) {
    assert.throws(() => wanting(wanted), {
      code: 'PACKAGE_REFUSED',
      message: `refused to install the package worker-echo: it needs engine from "${wanted}", which is not a registry`,
    });
  }
  const odd = { ...plugin, dependencies: { '../../engine': '1.0.0' } };
  assert.throws(() => planTree(odd), { code: 'PACKAGE_REFUSED' });
  assert.throws(() => planTree(plugin, { include: ['extra@file:/etc'] }), { code: 'PACKAGE_REFUSED' });
});

test('so is an indirect dependency that is not from a registry', () => {
  const lock = (packages: object) =>
    JSON.stringify({ packages: { '': {}, 'left-out': { version: '0.0.0' }, ...packages } });
  const fine = { resolved: 'http://registry/engine.tgz', integrity: 'sha512-x' };
  const leftOut = { resolved: 'left-out', link: true };
  const inside = { version: '1.0.0', inBundle: true };
  refuseForeignTree('worker-echo', lock({ 'node_modules/engine': fine, 'node_modules/cuda': leftOut }));
  // npm looks here for a package left out of a dependency.
  const deep = { resolved: 'node_modules/engine/left-out', link: true };
  refuseForeignTree('worker-echo', lock({ 'node_modules/cuda': deep, 'node_modules/engine/left-out': {} }));
  refuseForeignTree('worker-echo', lock({ 'node_modules/engine/node_modules/part': inside }));
  const foreign = [
    { 'node_modules/engine/node_modules/x': { resolved: '../../etc', link: true } },
    { 'node_modules/x': { resolved: '/etc', link: true } },
    { 'node_modules/x': { resolved: 'file:/etc', link: true } },
    { '../../etc': { version: '1.0.0' } },
    { 'node_modules/x': { resolved: 'git+ssh://git@example.org/x.git#abc' } },
    { 'node_modules/x': { resolved: 'file:../../x' } },
  ];
  for (const packages of foreign) {
    assert.throws(() => refuseForeignTree('worker-echo', lock(packages)), { code: 'PACKAGE_REFUSED' });
  }
});
