/**
 * The built-in configuration: registry.k8s.io as its Go archeio serves it.
 *
 * AWS clients get the bucket of their region, GCP clients stay with the upstream,
 * which is in GCP, and everyone else gets the default mirror. Its source is
 * https://github.com/kubernetes/registry.k8s.io/blob/main/cmd/archeio/internal/app/buckets.go.
 *
 * @module
 */

import type { Config } from "./config.ts";

const REGIONS_WITH_BUCKET = [
  "af-south-1",
  "ap-east-1",
  "ap-northeast-1",
  "ap-northeast-2",
  "ap-northeast-3",
  "ap-south-1",
  "ap-south-2",
  "ap-southeast-1",
  "ap-southeast-2",
  "ap-southeast-3",
  "ap-southeast-4",
  "ap-southeast-5",
  "ap-southeast-6",
  "ap-southeast-7",
  "ca-central-1",
  "ca-west-1",
  "eu-central-1",
  "eu-central-2",
  "eu-north-1",
  "eu-south-1",
  "eu-south-2",
  "eu-west-1",
  "eu-west-2",
  "eu-west-3",
  "il-central-1",
  "me-central-1",
  "mx-central-1",
  "sa-east-1",
  "us-east-1",
  "us-east-2",
  "us-west-1",
  "us-west-2",
];

// S3 bucket names are globally unique, and the name for this region was taken.
const OTHER_BUCKETS: Readonly<Record<string, string>> = {
  "eu-west-2": "767373bbdcb8270361b96548387bf2a9ad0d48758c35-eu-west-2",
};

// Regions without a bucket, under the region whose bucket serves them.
const NEIGHBOURS: Readonly<Record<string, readonly string[]>> = {
  "ap-east-1": ["ap-east-2", "cn-north-1", "cn-northwest-1"],
  "me-central-1": ["me-south-1"],
};

function mirrorName(region: string): string {
  return `s3-${region}`;
}

function bucketUrl(region: string): string {
  const bucket = OTHER_BUCKETS[region] ?? `prod-registry-k8s-io-${region}`;
  return `https://${bucket}.s3.dualstack.${region}.amazonaws.com/containers/images`;
}

/** The configuration that is used without a file. */
export const BUILTIN_CONFIG: Pick<Config, "pages" | "upstreams" | "mirrors" | "rules"> = {
  pages: {
    info: "https://github.com/kubernetes/registry.k8s.io",
    privacy: "https://www.linuxfoundation.org/privacy-policy/",
  },
  upstreams: {
    main: {
      endpoint: "https://us-central1-docker.pkg.dev",
      path: "k8s-artifacts-prod/images",
    },
  },
  mirrors: {
    cloudfront: { url: "https://d1be1w964nk82h.cloudfront.net/containers/images" },
    ...Object.fromEntries(
      REGIONS_WITH_BUCKET.map((region) => [mirrorName(region), { url: bucketUrl(region) }]),
    ),
  },
  rules: [
    { clients: ["gcp/*"], mirrors: [] },
    ...REGIONS_WITH_BUCKET.map((region) => ({
      clients: [region, ...NEIGHBOURS[region] ?? []].map((served) => `aws/${served}`),
      mirrors: [mirrorName(region)],
    })),
    { clients: ["*"], mirrors: ["cloudfront"] },
  ],
};

/**
 * Whether a configuration serves the images of registry.k8s.io. The environment may have
 * replaced the built-in upstream.
 */
export function servesKubernetes({ upstreams }: Pick<Config, "upstreams">): boolean {
  const { endpoint, path } = BUILTIN_CONFIG.upstreams.main!;
  return upstreams.main?.endpoint === endpoint && upstreams.main.path === path;
}
