import { assertEquals } from "@std/assert";
import { temporaryFile } from "./program.ts";
import { get, getAlone, serve, SHARED_PORT } from "./served.ts";

/** What is read of a span, as OTLP has it in JSON. */
interface Span {
  readonly name: string;
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string };
  }[];
}

interface Traces {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** Takes what a program exports. */
function startCollector() {
  const spans: Span[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const text = await request.text();
      if (new URL(request.url).pathname === "/v1/traces") {
        const { resourceSpans }: Traces = JSON.parse(text);
        spans.push(
          ...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans)
            .flatMap(({ spans }) => spans),
        );
      }
      return new Response("{}", { headers: { "content-type": "application/json" } });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    spans,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function variablesFor(url: string) {
  return {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  };
}

function routesOf(spans: readonly Span[]) {
  return spans
    .map(({ name, attributes }) => ({
      name,
      route: attributes.find(({ key }) => key === "http.route")?.value.stringValue,
    }))
    .filter(({ route }) => route !== undefined);
}

Deno.test("serve with OTEL_DENO names each request's route in its trace", async () => {
  await using collector = startCollector();
  await using server = await serve({ env: variablesFor(collector.url) });
  for (const path of ["v2/", "v2/pause/manifests/3.9", "else"]) await get(server.url + path);
  await server.stop();
  assertEquals(routesOf(collector.spans), [
    { name: "GET /v2/", route: "/v2/" },
    { name: "GET /v2/<name>/manifests/<reference>", route: "/v2/<name>/manifests/<reference>" },
  ]);
});

Deno.test("serve with OTEL_DENO names routes in every worker", async () => {
  await using collector = startCollector();
  using file = temporaryFile(`
upstreams: { main: { endpoint: https://registry.example } }
workers: 2
`);
  const env = variablesFor(collector.url);
  await using server = await serve({ config: file.path, env, flags: SHARED_PORT });
  for (let asked = 0; asked < 50; asked++) await getAlone(server, "v2/a/tags/list");
  await server.stop();
  const expected = { name: "GET /v2/<name>/tags/list", route: "/v2/<name>/tags/list" };
  assertEquals(routesOf(collector.spans), Array.from({ length: 50 }, () => expected));
});

Deno.test("serve says that OTEL_DENO does nothing where the runtime makes no traces", async () => {
  await using server = await serve({ env: { OTEL_DENO: "true", OTEL_SDK_DISABLED: "true" } });
  const { level, message } = server.warnings.at(-1)!;
  assertEquals({ level, message }, {
    level: "WARN",
    message: "OTEL_DENO is set, but the runtime makes no traces",
  });
  await server.stop();
});
