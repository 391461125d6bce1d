import { assert, assertEquals, assertRejects } from "@std/assert";
import { fetchPublished, formatDay } from "../../lib/locations/fetch.ts";
import { type Provider, type ProviderName, PROVIDERS } from "../../lib/locations/providers.ts";

const NOW = Date.UTC(2026, 7, 4, 23, 59);

function providerOf(name: ProviderName): Provider {
  return PROVIDERS.find((provider) => provider.name === name)!;
}

/** Answers by URL; what it has no answer for does not connect. */
function createFetch(answers: Readonly<Record<string, () => Response>>) {
  const asked: string[] = [];
  const signals: (AbortSignal | null | undefined)[] = [];
  const fetch: typeof globalThis.fetch = (input, init) => {
    asked.push(String(input));
    signals.push(init?.signal);
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
  assertEquals(await fetchPublished(providerOf("aws"), { fetch, now: () => NOW }), {
    source,
    text: "{}",
    date: "2026-08-04",
  });
  assertEquals(asked, [source]);
  // A server that says nothing is not waited for without end.
  assert(signals[0] instanceof AbortSignal && !signals[0].aborted);
});

Deno.test("fetchPublished() gives the day that the server says, or today's", async () => {
  const { source } = providerOf("gcp");
  const table = [
    { asked: "Sun, 02 Aug 2026 01:02:03 GMT", expected: "2026-08-02" },
    { asked: "yesterday", expected: "2026-08-04" },
    { asked: "", expected: "2026-08-04" },
  ];
  for (const { asked, expected } of table) {
    const headers = { "last-modified": asked };
    const { fetch } = createFetch({ [source]: () => new Response("{}", { headers }) });
    const { date } = await fetchPublished(providerOf("gcp"), { fetch, now: () => NOW });
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
  const file = await fetchPublished(providerOf("azure"), { fetch, now: () => NOW });
  assertEquals(file, { source: link, text: '{"values":[]}', date: "2026-08-04" });
  assertEquals(asked, [source, link]);
});

Deno.test("fetchPublished() asks at the source of one's own instead, of that provider alone", async () => {
  const own = "http://ranges.example/azure.json?v=1";
  const { source } = providerOf("aws");
  const { fetch, asked } = createFetch({
    [own]: () => new Response("own"),
    [source]: () => new Response("published"),
  });
  const options = { fetch, now: () => NOW, sources: { azure: own, aws: undefined } };
  // No page stands there, so no link is looked for.
  assertEquals(await fetchPublished(providerOf("azure"), options), {
    source: own,
    text: "own",
    date: "2026-08-04",
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
      () => fetchPublished(providerOf("aws"), { fetch: asked, now: () => NOW }),
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
    () => fetchPublished(providerOf("azure"), { fetch, now: () => NOW }),
    Error,
  );
  assertEquals(error.message, `no link to the file stands in ${source}`);
  assertEquals(asked, [source]);
});

Deno.test("formatDay() gives a time's day in UTC", () => {
  const table = [
    { asked: 0, expected: "1970-01-01" },
    { asked: Date.UTC(2026, 11, 31, 23, 59, 59, 999), expected: "2026-12-31" },
    { asked: Date.UTC(2027, 0, 1), expected: "2027-01-01" },
  ];
  for (const { asked, expected } of table) assertEquals(formatDay(new Date(asked)), expected);
});

Deno.test("fetchPublished() reads no more than 16 MiB", async () => {
  const [aws] = PROVIDERS;
  let pulled = 0;
  const endless = new ReadableStream({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(1024 * 1024).fill(32));
    },
  });
  await assertRejects(
    () =>
      fetchPublished(aws!, {
        fetch: () => Promise.resolve(new Response(endless)),
        now: () => 0,
      }),
    Error,
    "it has more than 16777216 bytes",
  );
  assert(pulled < 20, `${pulled} MiB`);
});
