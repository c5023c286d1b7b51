/**
 * Preact with templates in place of JSX, so that the page needs no build.
 *
 * @module
 */
export { html } from "htm/preact";
export { Component, type ComponentChildren, type RefObject, render, type VNode } from "preact";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
