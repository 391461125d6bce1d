/**
 * Where the regions of clouds are, for a map: degrees of latitude and longitude of the city or
 * area that the provider names for the region, to about 10 km. A region whose provider names no
 * more than a country is not here.
 *
 * Sources: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html,
 * https://cloud.google.com/compute/docs/regions-zones,
 * https://learn.microsoft.com/azure/reliability/regions-list.
 *
 * @module
 */

// A line for each cloud: its regions with their degrees.
const CLOUDS: Readonly<Record<string, string>> = {
  aws: `af-south-1:-33.9,18.4 ap-east-1:22.3,114.2 ap-east-2:25.0,121.6
    ap-northeast-1:35.7,139.7 ap-northeast-2:37.6,127.0 ap-northeast-3:34.7,135.5
    ap-south-1:19.1,72.9 ap-south-2:17.4,78.5 ap-southeast-1:1.3,103.8
    ap-southeast-2:-33.9,151.2 ap-southeast-3:-6.2,106.8 ap-southeast-4:-37.8,145.0
    ap-southeast-5:3.1,101.7 ap-southeast-6:-36.8,174.8 ap-southeast-7:13.8,100.5
    ca-central-1:45.5,-73.6 ca-west-1:51.0,-114.1 cn-north-1:39.9,116.4
    cn-northwest-1:37.5,105.2 eu-central-1:50.1,8.7 eu-central-2:47.4,8.5
    eu-north-1:59.3,18.1 eu-south-1:45.5,9.2 eu-south-2:41.6,-0.9 eu-west-1:53.3,-6.3
    eu-west-2:51.5,-0.1 eu-west-3:48.9,2.4 eusc-de-east-1:52.5,13.4 il-central-1:32.1,34.8
    me-central-1:24.5,54.4 me-south-1:26.1,50.6 mx-central-1:20.6,-100.4
    sa-east-1:-23.5,-46.6 sa-west-1:-33.4,-70.7 us-east-1:39.0,-77.5 us-east-2:40.0,-83.0
    us-gov-east-1:40.0,-83.0 us-gov-west-1:45.9,-119.6 us-west-1:37.4,-121.9
    us-west-2:45.9,-119.6`,
  gcp: `africa-south1:-26.2,28.0 asia-east1:24.1,120.4 asia-east2:22.3,114.2
    asia-northeast1:35.7,139.7 asia-northeast2:34.7,135.5 asia-northeast3:37.6,127.0
    asia-south1:19.1,72.9 asia-south2:28.6,77.2 asia-southeast1:1.3,103.8
    asia-southeast2:-6.2,106.8 asia-southeast3:13.8,100.5 australia-southeast1:-33.9,151.2
    australia-southeast2:-37.8,145.0 europe-central2:52.2,21.0 europe-north1:60.6,27.2
    europe-north2:59.3,18.1 europe-southwest1:40.4,-3.7 europe-west1:50.4,3.8
    europe-west10:52.5,13.4 europe-west12:45.1,7.7 europe-west2:51.5,-0.1
    europe-west3:50.1,8.7 europe-west4:53.4,6.8 europe-west6:47.4,8.5 europe-west8:45.5,9.2
    europe-west9:48.9,2.4 me-central1:25.3,51.5 me-central2:26.4,50.1 me-west1:32.1,34.8
    northamerica-northeast1:45.5,-73.6 northamerica-northeast2:43.7,-79.4
    northamerica-south1:20.6,-100.4 southamerica-east1:-23.5,-46.6
    southamerica-west1:-33.4,-70.7 us-central1:41.3,-95.9 us-east1:33.2,-80.0
    us-east4:39.0,-77.5 us-east5:40.0,-83.0 us-south1:32.8,-96.8 us-west1:45.6,-121.2
    us-west2:34.1,-118.2 us-west3:40.8,-111.9 us-west4:36.2,-115.1`,
  azure: `australiacentral:-35.3,149.1 australiacentral2:-35.3,149.1 australiaeast:-33.9,151.2
    australiasoutheast:-37.8,145.0 austriaeast:48.2,16.4 belgiumcentral:50.8,4.4
    brazilse:-22.9,-43.2 brazilsouth:-23.5,-46.6 canadacentral:43.7,-79.4
    canadaeast:46.8,-71.2 centralfrance:48.9,2.4 centralindia:18.5,73.9 centralus:41.6,-93.6
    chilec:-33.4,-70.7 denmarkeast:55.7,12.6 eastasia:22.3,114.2 eastus:39.0,-77.5
    eastus2:39.0,-77.5 eastus3:33.7,-84.4 germanyn:52.5,13.4 germanywc:50.1,8.7
    indiasouthcentral:17.4,78.5 indonesiacentral:-6.2,106.8 israelcentral:32.1,34.8
    italynorth:45.5,9.2 japaneast:35.7,139.7 japanwest:34.7,135.5 jioindiacentral:21.1,79.1
    jioindiawest:22.5,70.1 koreacentral:37.6,127.0 koreasouth:35.2,129.1
    malaysiasouth:1.5,103.7 malaysiawest:3.1,101.7 mexicocentral:20.6,-100.4
    newzealandnorth:-36.8,174.8 northcentralus:41.9,-87.6 northeurope:53.3,-6.3
    norwaye:59.9,10.8 norwayw:59.0,5.7 polandcentral:52.2,21.0 qatarcentral:25.3,51.5
    southafricanorth:-26.2,28.0 southafricawest:-33.9,18.4 southcentralus:29.4,-98.5
    southeastasia:1.3,103.8 southfrance:43.3,5.4 southindia:13.1,80.3 spaincentral:40.4,-3.7
    swedencentral:60.7,17.1 switzerlandn:47.4,8.5 switzerlandw:46.2,6.1
    taiwannorth:25.0,121.6 uaecentral:24.5,54.4 uaenorth:25.3,55.3 uksouth:51.5,-0.1
    ukwest:51.5,-3.2 westcentralus:41.1,-104.8 westeurope:52.4,4.9 westindia:19.1,72.9
    westus:37.4,-121.9 westus2:47.2,-119.9 westus3:33.4,-112.1`,
};

/** The latitude and longitude of a place, in degrees. */
export type Coordinates = readonly [latitude: number, longitude: number];

let places: ReadonlyMap<string, Coordinates> | undefined;

/** The coordinates of a location, such as `aws/eu-west-3`; `undefined` when they are not known. */
export function tryCoordinates(location: string): Coordinates | undefined {
  places ??= readPlaces();
  return places.get(location);
}

function readPlaces(): Map<string, Coordinates> {
  const entries = Object.entries(CLOUDS).flatMap(([cloud, regions]) =>
    regions.split(/\s+/).map((region) => {
      const [name, latitude, longitude] = region.split(/[:,]/);
      return [`${cloud}/${name}`, [Number(latitude), Number(longitude)] as const] as const;
    })
  );
  return new Map(entries);
}
