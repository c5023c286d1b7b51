/**
 * Chat templates as Python's jinja2 renders them with the settings of transformers: an immutable sandbox, `trim_blocks`
 * and `lstrip_blocks`, `break` and `continue`, the tag `generation`, `raise_exception`, `strftime_now` and a `tojson`
 * that does not escape HTML.
 *
 * @module
 */
import { JinjaError } from "./errors.ts";
import { type JsValue, toValue } from "./from_js.ts";
import { makeGlobals } from "./globals.ts";
import { Interpreter } from "./interpreter.ts";
import { parseTemplate } from "./parser.ts";
import { Scope } from "./scope.ts";
import { checkTemplate } from "./static_check.ts";
import type { Statement } from "./syntax.ts";
import { hasLoopOver } from "./walk.ts";

/** A template that can be rendered any number of times. */
export class Template {
  readonly #body: readonly Statement[];

  /**
   * Parses and checks a template.
   *
   * @throws {JinjaError} TemplateSyntaxError, TemplateAssertionError; UnsupportedError for what jinja2 can and this
   * cannot
   */
  constructor(source: string) {
    this.#body = withoutOverflow(() => parseTemplate(source));
    withoutOverflow(() => checkTemplate(this.#body));
  }

  /** Whether a loop goes over a variable, an attribute or an item of this name. */
  loopsOver(name: string): boolean {
    return hasLoopOver(name, this.#body);
  }

  /**
   * The text of the template with these variables.
   *
   * @param options.maxLength longest text, in UTF-16 units
   * @param options.now the time that `strftime_now` writes
   * @throws {JinjaError} what jinja2 or Python would throw; LimitError if it takes too many steps or makes too much
   */
  render(
    variables: Readonly<Record<string, JsValue>>,
    options: { readonly maxLength: number; readonly now?: () => Date },
  ): string {
    const { maxLength, now = () => new Date() } = options;
    const globals = new Scope();
    for (const [name, value] of makeGlobals(now)) globals.set(name, value);
    const scope = new Scope(globals);
    for (const [name, value] of Object.entries(variables)) scope.set(name, toValue(value));
    return withoutOverflow(() => new Interpreter().render(this.#body, scope, maxLength));
  }
}

/** Turns the engine's own limits into errors of the template. */
function withoutOverflow<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError) {
      throw new JinjaError("LimitError", `the template nests or grows too far: ${error.message}`);
    }
    throw error;
  }
}
