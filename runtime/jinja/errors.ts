/**
 * Errors of templates under the names that Python and jinja2 have for them.
 *
 * @module
 */

/** The class that jinja2 or Python would raise. */
export type JinjaErrorKind =
  | "TemplateSyntaxError"
  | "TemplateAssertionError"
  | "TemplateRuntimeError"
  | "TemplateError"
  | "UndefinedError"
  | "SecurityError"
  | "FilterArgumentError"
  | "TypeError"
  | "AttributeError"
  | "ValueError"
  | "IndexError"
  | "KeyError"
  | "OverflowError"
  | "ZeroDivisionError"
  | "RuntimeError"
  /** jinja2 can do it, this interpreter cannot. */
  | "UnsupportedError"
  /** The template takes more steps or text than it may. */
  | "LimitError";

/** A template that is refused, or fails while it is rendered. */
export class JinjaError extends Error {
  /** The class that jinja2 or Python would raise. */
  readonly kind: JinjaErrorKind;

  constructor(kind: JinjaErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Shorthand for Python's most frequent error. */
export function typeError(message: string): JinjaError {
  return new JinjaError("TypeError", message);
}
