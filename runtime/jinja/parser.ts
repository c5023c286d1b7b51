/**
 * Parser of templates: statements around expressions. Tags that need other templates are refused by name.
 *
 * @module
 */
import { ExpressionParser } from "./expression_parser.ts";
import { tokenize } from "./lexer.ts";
import type { Expression, Parameter, Statement } from "./syntax.ts";
import { TokenStream } from "./token_stream.ts";

/** Tags of jinja2 that this interpreter does not have. */
const UNSUPPORTED_TAGS: ReadonlySet<string> = new Set([
  ...["autoescape", "block", "extends", "from", "import", "include"],
]);

/** Where a statement stands: `break` needs a loop in the same function. */
interface Place {
  readonly inLoop: boolean;
}

/**
 * The statements of a template.
 *
 * @throws {JinjaError} TemplateSyntaxError, or UnsupportedError for a tag that cannot be rendered here
 */
export function parseTemplate(template: string): readonly Statement[] {
  const parser = new Parser(new TokenStream(tokenize(template)));
  return parser.parseBody([], { inLoop: false });
}

class Parser {
  readonly #stream: TokenStream;
  readonly #expressions: ExpressionParser;

  constructor(stream: TokenStream) {
    this.#stream = stream;
    this.#expressions = new ExpressionParser(stream);
  }

  /** Statements up to one of the tags `ends`, which is next then; up to the end of the template if there are none. */
  parseBody(ends: readonly string[], place: Place): Statement[] {
    const body: Statement[] = [];
    for (;;) {
      const token = this.#stream.next();
      switch (token.kind) {
        case "data":
          body.push({ type: "Data", text: token.text });
          break;
        case "variable_begin":
          body.push({ type: "Output", items: [this.#expressions.parseTuple()] });
          this.#stream.expect("variable_end");
          break;
        case "block_begin":
          if (ends.some((end) => this.#stream.is("name", end))) return body;
          body.push(this.#parseStatement(place));
          this.#stream.expect("block_end");
          break;
        default:
          if (ends.length > 0) {
            throw this.#stream.error(`Unexpected end of template: expected ${ends.join(" or ")}`);
          }
          return body;
      }
    }
  }

  #parseStatement(place: Place): Statement {
    const { text: tag } = this.#stream.expect("name");
    switch (tag) {
      case "if":
        return this.#parseIf(place);
      case "for":
        return this.#parseFor(place);
      case "break":
      case "continue":
        if (!place.inLoop) throw this.#stream.error(`'${tag}' outside loop`);
        return { type: tag === "break" ? "Break" : "Continue" };
      case "set":
        return this.#parseSet(place);
      case "with":
        return this.#parseWith(place);
      case "macro": {
        const { name } = this.#expressions.parseName();
        const parameters = this.#parseParameters();
        return { type: "Macro", name, parameters, body: this.#parseBlock("endmacro", { inLoop: false }) };
      }
      case "call": {
        const parameters = this.#stream.isOperator("(") ? this.#parseParameters() : [];
        const call = this.#expressions.parseCallExpression();
        return { type: "CallBlock", call, parameters, body: this.#parseBlock("endcall", { inLoop: false }) };
      }
      case "filter": {
        const filter = this.#expressions.parseBlockFilter(true)!;
        return { type: "FilterBlock", filter, body: this.#parseBlock("endfilter", place) };
      }
      case "generation":
        return { type: "Generation", body: this.#parseBlock("endgeneration", { inLoop: false }) };
      case "print":
        return this.#parsePrint();
      default:
        if (UNSUPPORTED_TAGS.has(tag)) throw this.#stream.error(`the tag '${tag}'`, "UnsupportedError");
        throw this.#stream.error(`Encountered unknown tag '${tag}'`);
    }
  }

  /** The body of a tag up to `end`, of which the block end is left. */
  #parseBlock(end: string, place: Place): Statement[] {
    this.#beginBody();
    const body = this.parseBody([end], place);
    this.#stream.next();
    return body;
  }

  #beginBody(): void {
    this.#stream.skipIf("operator", ":");
    this.#stream.expect("block_end");
  }

  #parseIf(place: Place): Statement {
    const branches: (readonly [Expression, Statement[]])[] = [];
    for (;;) {
      const test = this.#expressions.parseTuple({ withCondition: false });
      this.#beginBody();
      branches.push([test, this.parseBody(["elif", "else", "endif"], place)]);
      const { text: tag } = this.#stream.next();
      if (tag === "elif") continue;
      return { type: "If", branches, otherwise: tag === "else" ? this.#parseBlock("endif", place) : [] };
    }
  }

  #parseFor(place: Place): Statement {
    const target = this.#expressions.parseTarget({ endsAt: "in" });
    this.#stream.expect("name", "in");
    const over = this.#expressions.parseTuple({ withCondition: false, endsAt: "recursive" });
    const test = this.#stream.skipIf("name", "if") ? this.#expressions.parse() : undefined;
    const isRecursive = this.#stream.skipIf("name", "recursive");
    this.#beginBody();
    const body = this.parseBody(["endfor", "else"], { inLoop: true });
    const hasElse = this.#stream.next().text === "else";
    // What follows a loop belongs to the loop around it.
    const otherwise = hasElse ? this.#parseBlock("endfor", isRecursive ? { inLoop: false } : place) : [];
    return { type: "For", target, over, test, isRecursive, body, otherwise };
  }

  #parseSet(place: Place): Statement {
    const target = this.#expressions.parseTarget({ withNamespace: true });
    if (this.#stream.skipIf("operator", "=")) {
      return { type: "Assign", target, value: this.#expressions.parseTuple() };
    }
    const filter = this.#expressions.parseBlockFilter(false);
    return { type: "AssignBlock", target, filter, body: this.#parseBlock("endset", place) };
  }

  #parseWith(place: Place): Statement {
    const targets = [], values = [];
    while (!this.#stream.is("block_end")) {
      if (targets.length > 0) this.#stream.expect("operator", ",");
      targets.push(this.#expressions.parseTarget());
      this.#stream.expect("operator", "=");
      values.push(this.#expressions.parse());
    }
    return { type: "With", targets, values, body: this.#parseBlock("endwith", place) };
  }

  #parseParameters(): Parameter[] {
    const parameters: Parameter[] = [];
    this.#stream.expect("operator", "(");
    while (!this.#stream.isOperator(")")) {
      if (parameters.length > 0) this.#stream.expect("operator", ",");
      const { name } = this.#expressions.parseName();
      const otherwise = this.#stream.skipIf("operator", "=") ? this.#expressions.parse() : undefined;
      if (otherwise === undefined && parameters.at(-1)?.otherwise !== undefined) {
        throw this.#stream.error("non-default argument follows default argument");
      }
      parameters.push({ name, otherwise });
    }
    this.#stream.expect("operator", ")");
    return parameters;
  }

  #parsePrint(): Statement {
    const items: Expression[] = [];
    while (!this.#stream.is("block_end")) {
      if (items.length > 0) this.#stream.expect("operator", ",");
      items.push(this.#expressions.parse());
    }
    return { type: "Output", items };
  }
}
