/**
 * Methods of lists, tuples, dictionaries and ranges that change nothing.
 *
 * @module
 */
import { bind } from "./arguments.ts";
import { areEqual, getEntry, makeDict } from "./compare.ts";
import { JinjaError } from "./errors.ts";
import { itemsOf, keysOf, values } from "./iterate.ts";
import { reprOf } from "./to_text.ts";
import { Callable, Dict, DictView, isList, orElse, Range, Tuple, typeNameOf, type Value } from "./values.ts";

/** A method of a container; undefined if it has none of that name. */
export function containerMethod(value: Value, name: string): Callable | undefined {
  if (value instanceof Dict) return dictMethod(value, name);
  if (!isList(value) && !(value instanceof Tuple) && !(value instanceof Range)) return undefined;
  switch (name) {
    case "count":
      return new Callable(name, (args) => {
        const item = bind(name, ["value"], args).need("value");
        return BigInt([...values(value)].filter((other) => areEqual(other, item)).length);
      });
    case "index":
      return new Callable(name, (args) => {
        const bound = bind(name, ["value", "start", "stop"], args);
        return indexIn(
          value,
          bound.need("value"),
          bound.int("start", 0),
          bound.int("stop", Number.MAX_SAFE_INTEGER),
        );
      });
    case "copy":
      return isList(value) ? new Callable(name, () => value) : undefined;
    default:
      return undefined;
  }
}

function indexIn(value: Value, item: Value, start: number, stop: number): bigint {
  const items = [...values(value)];
  const place = (at: number) => at < 0 ? Math.max(0, at + items.length) : at;
  const index = items.findIndex((other, i) => i >= place(start) && i < place(stop) && areEqual(other, item));
  if (index >= 0) return BigInt(index);
  throw new JinjaError("ValueError", `${reprOf(item)} is not in ${typeNameOf(value)}`);
}

function dictMethod(dict: Dict, name: string): Callable | undefined {
  switch (name) {
    case "get":
      return new Callable(name, (args) => {
        const bound = bind(name, ["key", "default"], args);
        return orElse(getEntry(dict, bound.need("key")), orElse(bound.get("default"), null));
      });
    case "items":
      return new Callable(name, (args) => (bind(name, [], args), new DictView("items", itemsOf(dict))));
    case "keys":
      return new Callable(name, (args) => (bind(name, [], args), new DictView("keys", keysOf(dict))));
    case "values":
      return new Callable(name, (args) => {
        bind(name, [], args);
        return new DictView("values", [...dict.entries.values()].map(([, value]) => value));
      });
    case "copy":
      return new Callable(name, () => makeDict(dict.entries.values()));
    default:
      return undefined;
  }
}
