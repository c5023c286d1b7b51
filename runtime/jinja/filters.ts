/**
 * All filters by name, and those of jinja2 that are not here.
 *
 * @module
 */
import type { Filter } from "./filter.ts";
import { sequenceFilters } from "./sequence_filters.ts";
import { textFilters } from "./text_filters.ts";
import { valueFilters } from "./value_filters.ts";

/** The filters. */
export const filters: ReadonlyMap<string, Filter> = new Map([
  ...textFilters,
  ...sequenceFilters,
  ...valueFilters,
]);

/** Filters of jinja2 that no chat template needs; templates that use one are refused. */
export const UNSUPPORTED_FILTERS: ReadonlySet<string> = new Set([
  ...["filesizeformat", "pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr"],
]);
