/**
 * The entry of `/docs`: shows the server's OpenAPI document with Swagger UI, whose examples run against this server.
 *
 * @module
 */

/** Swagger UI's global, as far as it is used here. */
type SwaggerUi = (options: {
  readonly spec: object;
  readonly dom_id: string;
  readonly deepLinking: boolean;
  readonly docExpansion: "list";
  readonly displayRequestDuration: boolean;
  readonly persistAuthorization: boolean;
  readonly tryItOutEnabled: boolean;
  readonly validatorUrl: null;
}) => unknown;

const { SwaggerUIBundle: showDocument } = globalThis as unknown as { readonly SwaggerUIBundle: SwaggerUi };

const darkScheme = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", darkScheme.matches);
followScheme();
darkScheme.addEventListener("change", followScheme);

const response = await fetch("openapi.json");
if (response.ok) {
  showDocument({
    // The server is where the page is, whatever path a proxy shows it below.
    spec: {
      ...await response.json(),
      servers: [{ url: new URL(".", location.href).href.replace(/\/$/, "") }],
    },
    dom_id: "#document",
    deepLinking: true,
    docExpansion: "list",
    displayRequestDuration: true,
    persistAuthorization: false,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
} else {
  document.getElementById("document")!.textContent = `Cannot load openapi.json: ${await response.text()}`;
}
