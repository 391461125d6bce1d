/**
 * A collector of traces and metrics, as OTLP sends them
 * (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
 *
 * @module
 */

/** A value as OTLP has it, such as `{ stringValue: "GET" }`. */
type Value = Readonly<Record<string, unknown>>;
type Attributes = readonly { readonly key: string; readonly value: Value }[];

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: Attributes;
}

interface OtlpMetric {
  readonly name: string;
  readonly histogram?: { readonly dataPoints: readonly OtlpPoint[] };
}

interface OtlpPoint {
  readonly attributes: Attributes;
  readonly count: string | number;
}

interface Otlp {
  readonly resourceSpans?: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly OtlpMetric[] }[];
  }[];
}

/** A span: a request that was answered, or one that was sent. */
export interface Span {
  readonly name: string;
  readonly trace: string;
  readonly id: string;
  /** The span that it is a part of. */
  readonly parent: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
}

/** How often something was measured, with the same attributes. */
export interface Point {
  readonly attributes: Readonly<Record<string, string>>;
  readonly count: number;
}

/** A collector. */
export interface Collector extends AsyncDisposable {
  readonly url: string;
  /** How many requests it has got. */
  requests(): number;
  /** The spans that it has got. */
  spans(): Span[];
  /** What it was told last of a histogram. */
  histogram(name: string): Point[];
}

/** Starts a collector. */
export function startCollector(): Collector {
  const got: Otlp[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      got.push(await request.json());
      return Response.json({});
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests: () => got.length,
    spans: () =>
      got.flatMap(({ resourceSpans = [] }) => resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans)
        .map(({ name, traceId, spanId, parentSpanId, attributes }) => ({
          name,
          trace: traceId,
          id: spanId,
          parent: parentSpanId || undefined,
          attributes: readAttributes(attributes),
        })),
    histogram: (name) =>
      (got.flatMap(({ resourceMetrics = [] }) => resourceMetrics)
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .flatMap(({ metrics }) => metrics)
        .findLast((metric) => metric.name === name)?.histogram?.dataPoints ?? [])
        .map(({ attributes, count }) => ({
          attributes: readAttributes(attributes),
          count: Number(count),
        })),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function readAttributes(attributes: Attributes): Record<string, string> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]),
  );
}
