import assert from "node:assert/strict";
import { PageAllocator } from "../../../runtime/cache/page_allocator.ts";

Deno.test("every page is handed out once, lowest first", () => {
  const allocator = new PageAllocator(5);
  assert.deepEqual([...allocator.allocate(2), ...allocator.allocate(3)].sort(), [0, 1, 2, 3, 4]);
  assert.equal(allocator.numFree, 0);
});

Deno.test("freed pages are handed out again", () => {
  const allocator = new PageAllocator(4);
  const pages = allocator.allocate(4);
  allocator.free([pages[1]!, pages[3]!]);
  assert.equal(allocator.numFree, 2);
  assert.deepEqual(new Set(allocator.allocate(2)), new Set([pages[1], pages[3]]));
});

Deno.test("allocate takes nothing if it cannot give all", () => {
  const allocator = new PageAllocator(3);
  allocator.allocate(1);
  assert.throws(() => allocator.allocate(3), /Cannot allocate 3 pages: 2 of 3 are free/);
  assert.equal(allocator.allocate(2).length, 2);
});

Deno.test("free refuses pages that nobody has", () => {
  const allocator = new PageAllocator(3);
  const [page] = allocator.allocate(1);
  allocator.free([page!]);
  assert.throws(() => allocator.free([page!]), /Cannot free page 0: it is not allocated/);
  assert.throws(() => allocator.free([3]), /Cannot free page 3/);
  assert.throws(() => allocator.free([-1]), /Cannot free page -1/);
  assert.equal(allocator.numFree, 3);
});
