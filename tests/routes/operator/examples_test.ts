import { strict as assert } from "node:assert";
import { withApp } from "../../support/real_app.ts";
import { post } from "../../support/http.ts";

interface Operation {
  readonly requestBody?: {
    readonly content: {
      readonly "application/json": {
        readonly examples?: Readonly<Record<string, { readonly value: object }>>;
      };
    };
  };
}

Deno.test("examples: every operation with a body has one, and each is answered by a real engine", async () => {
  const profileDir = await Deno.makeTempDir();
  try {
    await withApp({ speculativeAlgorithm: "NGRAM", profileDir }, async (app) => {
      const { paths } = await (await app.request("/openapi.json")).json();
      const operations = Object.entries<Record<string, Operation>>(paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, { requestBody }]) => ({ path, method, requestBody }))
      ).filter(({ requestBody }) => requestBody !== undefined);
      assert.ok(operations.length > 15);
      // A pause ends before what would wait for it.
      const isPause = ({ path }: { path: string }) => path === "/pause_generation";
      const isResume = ({ path }: { path: string }) => path === "/continue_generation";
      const order = (operation: { path: string }) => isPause(operation) ? 1 : isResume(operation) ? 2 : 0;
      for (const { path, method, requestBody } of operations.sort((a, b) => order(a) - order(b))) {
        const values = Object.entries(requestBody!.content["application/json"].examples ?? {});
        assert.ok(values.length > 0, `${method} ${path} has no example`);
        for (const [name, { value }] of values) {
          const response = await post(app, path, value, { method: method.toUpperCase() });
          const text = await response.text();
          assert.equal(response.status, 200, `${method} ${path}, ${name}: ${text}`);
          assert.doesNotMatch(text, /"error":(?!null)/);
        }
      }
      assert.equal((await app.request("/stop_profile")).status, 200);
    });
  } finally {
    await Deno.remove(profileDir, { recursive: true });
  }
});
