/** Where the panel of a round stands. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { placePanel, roomBeside } from "../../../web/tokens/panel_place.ts";

Deno.test("panel place: a panel beside the text covers none of it, and fits the viewport", () => {
  const length = fc.integer({ min: 0, max: 2000 });
  fc.assert(fc.property(
    fc.record({
      width: length,
      height: length,
      left: length,
      size: length,
      top: length,
      panelHeight: length,
    }),
    ({ width: more, height, left, size, top, panelHeight }) => {
      const width = left + size + more;
      const text = { left, right: left + size, top, bottom: top + 500 };
      const place = placePanel({
        viewport: { width, height },
        text,
        token: { left, right: left + 20, top, bottom: top + 20 },
        panelHeight,
        mayScroll: false,
      });
      if (place.kind === "sheet") return;
      assert.ok(place.left >= text.right || place.left + place.width <= text.left);
      assert.ok(place.left >= 0 && place.left + place.width <= width && place.width >= 340);
      assert.ok(place.top >= 0);
      assert.ok(panelHeight > height - 24 || place.top + panelHeight <= height);
    },
  ));
});

Deno.test("panel place: a sheet is at the bottom, or where the token under the mouse is not", () => {
  const placeOf = (top: number, mayScroll: boolean) =>
    placePanel({
      viewport: { width: 360, height: 640 },
      text: { left: 10, right: 350, top: 0, bottom: 2000 },
      token: { left: 20, right: 50, top, bottom: top + 20 },
      panelHeight: 300,
      mayScroll,
    });
  assert.deepEqual(placeOf(100, false), { kind: "sheet", edge: "bottom" });
  assert.deepEqual(placeOf(600, false), { kind: "sheet", edge: "top" });
  assert.deepEqual(placeOf(600, true), { kind: "sheet", edge: "bottom" });
});

Deno.test("panel place: tokens leave room for a panel of 400 to 560 pixels, and are 480 wide at least", () => {
  const column = (left: number, right: number, viewportWidth: number) => {
    const textRight = right - roomBeside({ left, right }, viewportWidth);
    return { text: textRight - left, panel: Math.min(560, viewportWidth - textRight - 24) };
  };
  // The chat at 1280 and 1440 pixels with its settings.
  assert.deepEqual(column(280, 944, 1280), { text: 480, panel: 496 });
  assert.deepEqual(column(312, 1072, 1440), { text: 544, panel: 560 });
  // There is room already, and too little of it for both.
  assert.equal(roomBeside({ left: 0, right: 500 }, 1100), 0);
  assert.equal(roomBeside({ left: 16, right: 344 }, 360), 0);
  assert.equal(roomBeside({ left: 280, right: 1008 }, 1024), 0);
});
