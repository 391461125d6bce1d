/**
 * Where the regions of clouds are, for a map: degrees of latitude and longitude of the city or
 * area that the provider names for the region, to about 10 km. A region whose provider names no
 * more than a country is not here.
 *
 * Sources: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html,
 * https://cloud.google.com/compute/docs/regions-zones,
 * https://learn.microsoft.com/azure/reliability/regions-list,
 * https://docs.oracle.com/en-us/iaas/Content/General/Concepts/regions.htm,
 * https://www.exoscale.com/datacenters/; geofeeds name cities themselves.
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
  oracle: `af-johannesburg-1:-26.2,28.0 ap-batam-1:1.1,104.0 ap-chuncheon-1:37.9,127.7
    ap-delhi-1:28.6,77.2 ap-hyderabad-1:17.4,78.5 ap-kulai-1:1.7,103.6
    ap-melbourne-1:-37.8,145.0 ap-mumbai-1:19.1,72.9 ap-osaka-1:34.7,135.5
    ap-seoul-1:37.6,127.0 ap-singapore-1:1.3,103.8 ap-singapore-2:1.3,103.8
    ap-sydney-1:-33.9,151.2 ap-tokyo-1:35.7,139.7 ca-montreal-1:45.5,-73.6
    ca-toronto-1:43.7,-79.4 eu-amsterdam-1:52.4,4.9 eu-dublin-3:53.3,-6.3
    eu-frankfurt-1:50.1,8.7 eu-jovanovac-1:44.1,20.9 eu-madrid-1:40.4,-3.7
    eu-madrid-3:40.4,-3.7 eu-marseille-1:43.3,5.4 eu-milan-1:45.5,9.2 eu-paris-1:48.9,2.4
    eu-stockholm-1:59.3,18.1 eu-zurich-1:47.4,8.5 il-jerusalem-1:31.8,35.2
    me-abudhabi-1:24.5,54.4 me-dubai-1:25.3,55.3 me-jeddah-1:21.5,39.2 me-riyadh-1:24.7,46.7
    mx-monterrey-1:25.7,-100.3 mx-queretaro-1:20.6,-100.4 sa-bogota-1:4.7,-74.1
    sa-riodejaneiro-2:-22.9,-43.2 sa-santiago-1:-33.4,-70.7 sa-saopaulo-1:-23.5,-46.6
    sa-valparaiso-1:-33.0,-71.6 sa-vinhedo-1:-23.0,-47.0 uk-cardiff-1:51.5,-3.2
    uk-london-1:51.5,-0.1 us-abilene-1:32.4,-99.7 us-ashburn-1:39.0,-77.5
    us-boardman-1:45.8,-119.7 us-chicago-1:41.9,-87.6 us-dallas-1:32.8,-96.8
    us-desmoines-1:41.6,-93.6 us-phoenix-1:33.4,-112.1 us-quincy-1:47.2,-119.9
    us-saltlake-2:40.8,-111.9 us-sanjose-1:37.3,-121.9`,
  digitalocean: `au-sydney:-33.9,151.2 ca-toronto:43.7,-79.4 de-frankfurt:50.1,8.7
    gb-london:51.5,-0.1 in-bangalore:13.0,77.6 nl-amsterdam:52.4,4.9 sg-singapore:1.3,103.8
    us-clifton:40.9,-74.2 us-douglasville:33.8,-84.7 us-north-bergen:40.8,-74.0
    us-san-francisco:37.8,-122.4 us-santa-clara:37.4,-122.0 us-secaucus:40.8,-74.1`,
  linode: `au-melbourne:-37.8,145.0 au-sydney:-33.9,151.2 br-sao-paulo:-23.5,-46.6
    ca-toronto:43.7,-79.4 cl-santiago:-33.4,-70.7 co-bogota:4.7,-74.1 de-berlin:52.5,13.4
    de-frankfurt:50.1,8.7 de-hamburg:53.6,10.0 es-madrid:40.4,-3.7 fr-marseille:43.3,5.4
    fr-paris:48.9,2.4 gb-london:51.5,-0.1 id-jakarta:-6.2,106.8 in-chennai:13.1,80.3
    in-mumbai:19.1,72.9 it-milan:45.5,9.2 jp-osaka:34.7,135.5 jp-tokyo:35.7,139.7
    mx-queretaro:20.6,-100.4 my-kuala-lumpur:3.1,101.7 nl-amsterdam:52.4,4.9
    no-oslo:59.9,10.8 nz-auckland:-36.8,174.8 se-stockholm:59.3,18.1 sg-singapore:1.3,103.8
    us-ashburn:39.0,-77.5 us-atlanta:33.7,-84.4 us-cedar-knolls:40.8,-74.4
    us-chicago:41.9,-87.6 us-denver:39.7,-105.0 us-fremont:37.5,-122.0 us-houston:29.8,-95.4
    us-los-angeles:34.1,-118.2 us-miami:25.8,-80.2 us-richardson:32.9,-96.7
    us-tukwila:47.5,-122.3 za-johannesburg:-26.2,28.0`,
  vultr: `au-alexandria:-33.9,151.2 au-port-melbourne:-37.8,144.9 br-osasco:-23.5,-46.8
    ca-toronto-on:43.7,-79.4 cl-santiago:-33.4,-70.7 de-frankfurt:50.1,8.7
    es-madrid:40.4,-3.7 fr-aubervilliers:48.9,2.4 gb-london:51.5,-0.1
    gb-swinton-manchester:53.5,-2.3 il-rosh-haayin:32.1,35.0 in-bangalore:13.0,77.6
    in-mumbai:19.1,72.9 in-noida:28.5,77.4 it-milan:45.5,9.2 jp-osaka:34.7,135.5
    jp-shinagawa-ku:35.6,139.7 kr-seoul:37.6,127.0 mx-santiago-de-queretaro:20.6,-100.4
    nl-amsterdam:52.4,4.9 pl-warsaw:52.2,21.0 se-spanga:59.4,17.9 sg-singapore:1.3,103.8
    us-atlanta:33.7,-84.4 us-dallas:32.8,-96.8 us-east-wenatchee:47.4,-120.3
    us-elk-grove-village:42.0,-88.0 us-honolulu:21.3,-157.9 us-kent:47.4,-122.2
    us-los-angeles:34.1,-118.2 us-maryland-heights:38.7,-90.4 us-miami:25.8,-80.2
    us-piscataway:40.6,-74.5 us-santa-clara:37.4,-122.0 us-springfield:39.9,-83.8
    za-isando-gauteng:-26.1,28.2`,
  exoscale: `at-vie-1:48.2,16.4 at-vie-2:48.2,16.4 bg-sof-1:42.7,23.3 ch-dk-2:47.4,8.5
    ch-gva-2:46.2,6.1 de-fra-1:50.1,8.7 de-muc-1:48.1,11.6 hr-zag-1:45.8,16.0`,
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
