import { assert, assertEquals, assertRejects } from "@std/assert";
import { fetchPublished } from "../../lib/locations/fetch.ts";
import type { Provider } from "../../lib/locations/provider.ts";
import { type ProviderName, PROVIDERS } from "../../lib/locations/providers.ts";

function providerOf(name: ProviderName): Provider {
  return PROVIDERS.find((provider) => provider.name === name)!;
}

/** Answers by URL; what it has no answer for does not connect. */
function createFetch(answers: Readonly<Record<string, () => Response>>) {
  const asked: string[] = [];
  const signals: (AbortSignal | null | undefined)[] = [];
  const fetch: typeof globalThis.fetch = (input: unknown, init?: RequestInit) => {
    asked.push(String(input));
    // Its type in Deno 2.7 is another one, without a signal.
    signals.push((init as { readonly signal?: AbortSignal } | undefined)?.signal);
    const answer = answers[String(input)];
    return answer === undefined
      ? Promise.reject(new TypeError("fetch failed", { cause: new Error("connection refused") }))
      : Promise.resolve(answer());
  };
  return { fetch, asked, signals };
}

Deno.test("fetchPublished() fetches a file from where it is published", async () => {
  const { source } = providerOf("aws");
  const { fetch, asked, signals } = createFetch({ [source]: () => new Response("{}") });
  assertEquals(await fetchPublished(providerOf("aws"), { fetch }), {
    source,
    text: "{}",
    date: undefined,
  });
  assertEquals(asked, [source]);
  // A server that says nothing is not waited for without end.
  assert(signals[0] instanceof AbortSignal && !signals[0].aborted);
});

Deno.test("fetchPublished() gives the day that the server says, or none", async () => {
  const { source } = providerOf("gcp");
  const modified = "Sun, 02 Aug 2026 01:02:03 GMT";
  const table = [
    { asked: modified, expected: "2026-08-02" },
    { asked: modified, date: "Mon, 03 Aug 2026 01:02:03 GMT", expected: "2026-08-02" },
    { asked: modified, date: "Sun, 02 Aug 2026 01:03:03 GMT", expected: "2026-08-02" },
    { asked: modified, date: "now", expected: "2026-08-02" },
    // It is made for each request.
    { asked: modified, date: "Sun, 02 Aug 2026 01:03:02 GMT", expected: undefined },
    { asked: modified, date: modified, expected: undefined },
    { asked: modified, date: "Sun, 02 Aug 2026 01:02:00 GMT", expected: undefined },
    { asked: "yesterday", expected: undefined },
    { asked: "", expected: undefined },
  ];
  for (const { asked, date: sent, expected } of table) {
    const headers = { "last-modified": asked, ...(sent === undefined ? {} : { date: sent }) };
    const { fetch } = createFetch({ [source]: () => new Response("{}", { headers }) });
    const { date } = await fetchPublished(providerOf("gcp"), { fetch });
    assertEquals(date, expected);
  }
});

Deno.test("fetchPublished() follows the page that links to Azure's file", async () => {
  const { source } = providerOf("azure");
  const link =
    "https://download.microsoft.com/download/7/1/d/71d86715/ServiceTags_Public_20260803.json";
  const { fetch, asked } = createFetch({
    [source]: () => new Response(`<a href="${link}">download</a>`),
    [link]: () => new Response('{"values":[]}'),
  });
  const file = await fetchPublished(providerOf("azure"), { fetch });
  assertEquals(file, { source: link, text: '{"values":[]}', date: undefined });
  assertEquals(asked, [source, link]);
});

Deno.test("fetchPublished() asks at the source of one's own instead, of that provider alone", async () => {
  const own = "http://ranges.example/azure.json?v=1";
  const { source } = providerOf("aws");
  const { fetch, asked } = createFetch({
    [own]: () => new Response("own"),
    [source]: () => new Response("published"),
  });
  const options = { fetch, sources: { azure: own, aws: undefined } };
  // No page stands there, so no link is looked for.
  assertEquals(await fetchPublished(providerOf("azure"), options), {
    source: own,
    text: "own",
    date: undefined,
  });
  assertEquals((await fetchPublished(providerOf("aws"), options)).text, "published");
  assertEquals(asked, [own, source]);
});

Deno.test("fetchPublished() says which address failed, and how", async () => {
  const { source } = providerOf("aws");
  const broken = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.error(new Error("connection reset")),
      }),
    );
  const table: { asked: typeof fetch; expected: string }[] = [
    { asked: createFetch({}).fetch, expected: "connection refused" },
    {
      asked: createFetch({ [source]: () => new Response("gone", { status: 404 }) }).fetch,
      expected: "it answered 404",
    },
    {
      asked: createFetch({ [source]: () => new Response("", { status: 503 }) }).fetch,
      expected: "it answered 503",
    },
    { asked: createFetch({ [source]: broken }).fetch, expected: "connection reset" },
    {
      asked: () => Promise.reject(new DOMException("Signal timed out.", "TimeoutError")),
      expected: "Signal timed out.",
    },
    { asked: () => Promise.reject("no network"), expected: "no network" },
  ];
  for (const { asked, expected } of table) {
    const error = await assertRejects(
      () => fetchPublished(providerOf("aws"), { fetch: asked }),
      Error,
    );
    assertEquals(error.message, `cannot fetch ${source}: ${expected}`);
  }
});

Deno.test("fetchPublished() says that Azure's page has no link to the file", async () => {
  const { source } = providerOf("azure");
  const page = '<a href="https://download.microsoft.com.evil.example/ServiceTags_Public_1.json">';
  const { fetch, asked } = createFetch({ [source]: () => new Response(page) });
  const error = await assertRejects(
    () => fetchPublished(providerOf("azure"), { fetch }),
    Error,
  );
  assertEquals(error.message, `found no link to the file in ${source}`);
  assertEquals(asked, [source]);
});

const redirect = (status: number, location?: string) => () =>
  new Response("moved", { status, headers: location === undefined ? {} : { location } });

Deno.test("fetchPublished() follows redirects, and names the source for where the file is", async () => {
  const { source } = providerOf("aws");
  const { fetch, asked } = createFetch({
    [source]: redirect(301, "/new.json"),
    "https://ip-ranges.amazonaws.com/new.json": redirect(302, "https://b.example/c"),
    "https://b.example/c": redirect(303, "d"),
    "https://b.example/d": redirect(307, "//e.example"),
    "https://e.example/": redirect(308, "https://f.example/"),
    "https://f.example/": () => new Response("file"),
  });
  assertEquals((await fetchPublished(providerOf("aws"), { fetch })).text, "file");
  assertEquals((await fetchPublished(providerOf("aws"), { fetch })).source, source);
  assertEquals(new Set(asked).size, 6);
});

Deno.test("fetchPublished() follows from http: to http: where its source has it so", async () => {
  const sources = { aws: "http://a.example/" };
  const { fetch } = createFetch({
    "http://a.example/": redirect(302, "http://b.example/"),
    "http://b.example/": redirect(302, "https://c.example/"),
    "https://c.example/": () => new Response("file"),
  });
  assertEquals((await fetchPublished(providerOf("aws"), { fetch, sources })).text, "file");
});

Deno.test("fetchPublished() refuses redirects to elsewhere than https:, and too many", async () => {
  const { source } = providerOf("aws");
  const refused = (location: string) => `it redirects to "${location}"; allowed: an https: URL`;
  const table: { asked: Record<string, () => Response>; expected: string }[] = [
    ...["http://b.example/", "file:///etc/passwd", "data:,x", "https://"].map((location) => ({
      asked: { [source]: redirect(302, location) },
      expected: `: ${refused(location)}`,
    })),
    {
      asked: {
        [source]: redirect(302, "https://b.example"),
        "https://b.example/": redirect(302, "http://c.example/"),
      },
      expected: `, redirected to https://b.example/: ${refused("http://c.example/")}`,
    },
    {
      asked: {
        [source]: redirect(302, "https://b.example"),
        "https://b.example/": redirect(404),
      },
      expected: ", redirected to https://b.example/: it answered 404",
    },
    { asked: { [source]: redirect(302, source) }, expected: ": there are more than 5 redirects" },
    { asked: { [source]: redirect(302) }, expected: ": it answered 302 without a Location" },
    { asked: { [source]: redirect(300) }, expected: ": it answered 300" },
  ];
  for (const { asked, expected } of table) {
    const { fetch } = createFetch(asked);
    const error = await assertRejects(() => fetchPublished(providerOf("aws"), { fetch }), Error);
    assertEquals(error.message, `cannot fetch ${source}${expected}`);
  }
});

Deno.test("fetchPublished() reads no more than 64 MiB", async () => {
  const [aws] = PROVIDERS;
  let pulled = 0;
  const endless = new ReadableStream({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(1024 * 1024).fill(32));
    },
  });
  await assertRejects(
    () => fetchPublished(aws, { fetch: () => Promise.resolve(new Response(endless)) }),
    Error,
    "it has more than 67108864 bytes",
  );
  assert(pulled < 70, `${pulled} MiB`);
});
