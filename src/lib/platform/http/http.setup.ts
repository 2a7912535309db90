import { type NextFunction, type Request, type RequestHandler, type Response, json } from 'express';
import helmet from 'helmet';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { DomainError } from '../errors/domain-error.js';
import { newRequestId } from '../ids.js';
import { Log } from '../log.js';
import { BodyPipe } from './body.pipe.js';
import { ErrorFilter } from './error.filter.js';
import { type UploadRoute } from './upload.js';

/** The largest request body in bytes. */
export const BODY_LIMIT = 100_000;

/** Fields of every request: its id from the start, its caller once the key is known. */
export interface Tracked {
  requestId: string;
  keyId?: string;
}

export interface HttpOptions {
  corsOrigins?: readonly string[] | undefined;
  uploads?: readonly UploadRoute[];
}

/** Sets up the middleware before routing, and the responses without a route. */
export function setUpHttp(app: NestExpressApplication, { corsOrigins, uploads = [] }: HttpOptions): void {
  app.disable('x-powered-by');
  app.set('etag', false);
  // Express looks for these paths before it looks for routes; nothing here needs the extended syntax.
  app.set('query parser', 'simple');
  app.use(track(app.get(Log)));
  app.use('/docs', helmet({ contentSecurityPolicy: DOCS_POLICY, strictTransportSecurity: false }));
  app.use(securityHeaders());
  if (corsOrigins) {
    const origin = corsOrigins.includes('*') ? '*' : [...corsOrigins];
    app.enableCors({ origin, exposedHeaders: EXPOSED_HEADERS, maxAge: 600 });
  }
  app.use(refuseOtherMediaTypes(uploads), json({ limit: BODY_LIMIT, type: isJson }));
  app.useGlobalPipes(new BodyPipe());
  app.useGlobalFilters(app.get(ErrorFilter));
}

const EXPOSED_HEADERS = [
  'X-Request-Id',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Retry-After',
  'Idempotent-Replayed',
];

/** Swagger UI runs inline script and style, and calls the API it was served by. */
const DOCS_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    scriptSrc: ["'self'", "'unsafe-inline'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    frameAncestors: ["'none'"],
  },
};

/** Helmet for answers that are data: nothing in them may run, be framed or be sniffed. */
function securityHeaders(): RequestHandler {
  const headers = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    crossOriginResourcePolicy: { policy: 'cross-origin' },
  });
  return (request, response, next) => {
    if (/^\/docs(\/|$)/.test(request.path)) next();
    else headers(request, response, next);
  };
}

/** Names the request and writes its one log line: no query, no body and the route instead of the path. */
function track(log: Log): RequestHandler {
  return (request: Request & Partial<Tracked>, response: Response, next: NextFunction) => {
    const startedAt = performance.now();
    const requestId = (request.requestId = newRequestId());
    response.setHeader('X-Request-Id', requestId);
    response.on('close', () => {
      log.info(
        {
          requestId,
          keyId: request.keyId,
          method: request.method,
          route: (request.route as { path: string } | undefined)?.path,
          status: response.statusCode,
          ms: Math.round((performance.now() - startedAt) * 10) / 10,
          ...(response.writableFinished ? {} : { aborted: true }),
        },
        'request',
      );
    });
    next();
  };
}

const isJson = (request: { headers: Request['headers'] }): boolean =>
  /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '');

const hasBody = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function refuseOtherMediaTypes(uploads: readonly UploadRoute[]): RequestHandler {
  const isUpload = ({ method, path }: Request): boolean =>
    uploads.some((upload) => upload.method === method && upload.path.test(path));
  return (request, _response, next) => {
    next(
      hasBody(request) && !isJson(request) && !isUpload(request)
        ? new DomainError('unsupported_media_type', 'Send the body as JSON with Content-Type: application/json')
        : undefined,
    );
  };
}
