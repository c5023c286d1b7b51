/**
 * Runs the checks of a script against a server and prints one line of JSON for each. A script is called with the
 * server's address, the served model and the API key. A check that fails reports its stack; the script goes on and ends
 * with 0.
 *
 * @module
 */

const [url = "", model = "", apiKey = ""] = Deno.args;

/** Where the server is and what it asks for. */
export const server: { readonly url: string; readonly model: string; readonly apiKey: string } = {
  url,
  model,
  apiKey,
};

/** Runs checks one after another, by name. */
export async function run(checks: Readonly<Record<string, () => Promise<void>>>): Promise<void> {
  for (const [check, body] of Object.entries(checks)) {
    const error = await body().then(
      () => null,
      (error) => error instanceof Error ? error.stack : String(error),
    );
    console.log(JSON.stringify({ check, error }));
  }
}
