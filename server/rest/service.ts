import type { Definitions } from '../fhir/definitions.ts';
import type { JsonObject } from '../fhir/types.ts';
import type { XmlCodec } from '../fhir/xml.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Actor, Store } from '../store/store.ts';
import type { Budget } from './budget.ts';
import type { Incoming } from './request.ts';

/** The settings that the REST interface heeds; `config.ts` reads them. */
export interface RestConfig {
  /**
   * The FHIR base URL without a slash at its end, as clients know it; a function, because the port
   * may be known only once the server listens. Never made from the Host header, which anyone sets.
   */
  base: () => string;
  /** Largest request body, bytes. */
  bodyLimit: number;
  /** Bytes of large bodies in memory at one time. */
  bundleMemory: number;
  /** `_count` where a search or history states none, and the most it may ask for. */
  pageSize: number;
  maxPageSize: number;
  /** What happens to unknown search parameters where the caller has no preference. */
  handling: 'strict' | 'lenient';
  /** What `_text` and `_content` can find. */
  fulltext: 'off' | 'narrative' | 'content';
  /** Minutes east of UTC of dates in queries that name no zone. */
  zoneMinutes: number;
  /** The version of the software, for the CapabilityStatement. */
  version: string;
  /** CapabilityStatement.rest.security; absent where nobody has to say who they are. */
  security?: JsonObject | undefined;
}

/** What the handlers work with. */
export interface Service {
  store: Store;
  definitions: Definitions;
  /** The concrete resource types. */
  types: ReadonlySet<string>;
  config: RestConfig;
  xml: XmlCodec;
  budget: Budget;
  log: Log;
  metrics: Metrics;
  /** False while the database cannot be reached: FHIR requests are then refused. */
  isReady(): boolean;
  /** True from the signal to stop on: not ready for more, but what still comes is answered. */
  isStopping(): boolean;
  /** The text of the CapabilityStatement for a base URL. */
  capabilities(base: string): string;
  /** The value of the header Allow for a path. */
  allow(path: string): string;
  /** Who calls; absent where everybody may do everything. Throws FhirError unauthorized. */
  authenticate?: ((incoming: Incoming) => Actor | Promise<Actor>) | undefined;
  /** Who has not said who it is. */
  anonymous(incoming: Incoming): Actor;
  /** Answers a request from inside: a read in a bundle. Never throws. */
  dispatch(inner: InnerRequest): Promise<Response>;
}

/** A request that an entry of a bundle stands for. */
export interface InnerRequest {
  method: 'GET' | 'HEAD';
  /** Path and query below the server's root: `/fhir/Patient/1`. */
  url: string;
  headers: Record<string, string | undefined>;
  /** Who asks: that of the request around it. */
  actor: Actor;
  /** The id of the request around it. */
  within: string;
}
