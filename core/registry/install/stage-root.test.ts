import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsTree, planTree } from './stage-root.ts';

const plugin = {
  name: 'worker-echo',
  dependencies: { engine: '1.0.0', '@engine/cuda': '1.0.0' },
  optionalDependencies: { '@engine/vulkan': '1.0.0' },
};

test('what a variant leaves out is neither asked for nor let in by others', () => {
  const plan = planTree(plugin, { leaveOut: ['@engine/vulkan', '@engine/cuda', '@engine/deep'] });
  assert.deepEqual(plan.dependencies, { engine: '1.0.0' });
  assert.deepEqual(plan.optionalDependencies, {});
  assert.deepEqual(plan.leaveOut, ['@engine/cuda', '@engine/deep', '@engine/vulkan']);
});

test('what it includes is kept, and installed by itself when it names a version', () => {
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
