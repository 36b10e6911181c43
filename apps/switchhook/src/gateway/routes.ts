import { pathFits, RouteTable } from '@switchhook/platform';

export const GATEWAY_SERVICES = ['subscriptions', 'ingestion', 'signing', 'delivery', 'audit'] as const;
export type GatewayService = (typeof GATEWAY_SERVICES)[number];

export interface Route {
  readonly path: string;
  /** Absent: all of them, the service itself answers 405. */
  readonly methods?: readonly string[];
  readonly service: GatewayService;
}

/** Who answers what; the first that fits. `*` at the end is any rest, none included. */
const ROUTES: readonly Route[] = [
  { path: '/v2/events', methods: ['POST'], service: 'ingestion' },
  { path: '/v2/events', methods: ['GET', 'HEAD'], service: 'audit' },
  { path: '/v2/deliveries/*', service: 'audit' },
  { path: '/v2/webhooks/:id/deliveries', service: 'audit' },
  { path: '/v2/webhooks/:id/circuit/*', service: 'delivery' },
  { path: '/v2/webhooks/*', service: 'subscriptions' },
  { path: '/v2/platform/pause', service: 'subscriptions' },
  { path: '/v2/platform/resume', service: 'subscriptions' },
  { path: '/v2/me/api/credentials/*', service: 'subscriptions' },
  { path: '/v2/api-docs/swagger.json', service: 'subscriptions' },
];

/** Where `method` on `url` goes, if a service answers it. */
export function routeOf(method: string, url: string): Route | undefined {
  const path = url.split('?', 1)[0] ?? '';
  return ROUTES.find((route) => pathFits(route.path, path) && (route.methods?.includes(method) ?? true));
}

/** What the gateway answers itself. */
export const OWN_PATHS: readonly string[] = ['/health/live', '/health/ready', '/metrics'];

/** For what nobody answers: 404, or 405 with the methods of the path. */
export const unrouted = new RouteTable();
for (const { path, methods } of ROUTES) if (methods) unrouted.add(methods, path);
for (const path of OWN_PATHS) unrouted.add(['GET', 'HEAD'], path);
