/**
 * The conformance suite of `webai-at-home` against the real server. The suite ends with 0 whatever it found, so its
 * report is read: nothing may fail or be skipped.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { runNpmClient } from "../support/client_programs.ts";
import { apiKey, servedModel, startForClients } from "../support/client_server.ts";
import { needsModel } from "../support/model_file.ts";

/** A test of the suite. */
interface Case {
  readonly group: string;
  readonly name: string;
  /** What was wrong; undefined if it passed. */
  readonly failure: string | undefined;
  /** Why it was not run; undefined if it was. */
  readonly skipped: string | undefined;
}

/** The tests of a JUnit report; their elements are not nested, and their attributes are in double quotes. */
function casesOf(report: string): Case[] {
  const elements = report.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs);
  return [...elements].map(([, attributes, inside = ""]) => ({
    group: attributeOf(attributes!, "classname")!,
    name: attributeOf(attributes!, "name")!,
    failure: /<(?:failure|error)\b([^>]*)>/.exec(inside)?.[1],
    skipped: /<skipped\b([^>]*)>/.exec(inside)?.[1],
  }));
}

function attributeOf(attributes: string, name: string): string | undefined {
  return new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1];
}

Deno.test({
  name: "webai-at-home: conformance fails nothing and skips nothing",
  ignore: needsModel().ignore,
  async fn(t) {
    const folder = await Deno.makeTempDir();
    try {
      // Some tests set no limit, and go on behind an answer that may have filled the context: it is to be a rare one.
      await using server = await startForClients(
        "--allow-auto-truncate",
        "--context-length",
        "1024",
        "--random-seed",
        "1",
      );
      const report = join(folder, "report.xml");
      // Of one answer the suite says that the temperature changed nothing.
      const suite = ["openai_test", "conformance", "--profile", "full", "--ci", "--repeats", "2"];
      const endpoint = ["--base_url", `${server.url}/v1`, "--api_key", apiKey, "--model", servedModel];
      const { stdout, stderr } = await runNpmClient(
        "webai-at-home",
        ...suite,
        ...endpoint,
        ...["--format", "junit", "--output", report],
      );
      const cases = casesOf(await Deno.readTextFile(report).catch(() => assert.fail(stdout + stderr)));
      assert.equal(cases.length, 44, stdout + stderr);
      for (const { group, name, failure, skipped } of cases) {
        await t.step(`${group}: ${name}`, () => {
          assert(failure === undefined, failure);
          assert(skipped === undefined, skipped);
        });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
