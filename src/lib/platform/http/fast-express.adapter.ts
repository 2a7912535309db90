import http from 'node:http';
import { type Duplex } from 'node:stream';
import { type NestApplicationOptions } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { type Express, type Request, type Response } from 'express';
import { newRequestId } from '../ids.js';
import { envelope, errorEnvelope, StoredReply } from './reply.js';

/**
 * Nest on Express without Express's dearest habit: it gives every request and response a new prototype, which throws
 * away V8's knowledge of their shape. Here both are born with Express's prototypes, so `Object.setPrototypeOf` finds
 * nothing to do (about three times the requests a second). It also writes the contract's envelope around what a
 * controller returns, straight to the socket.
 */
export class FastExpressAdapter extends ExpressAdapter {
  override initHttpServer(options: NestApplicationOptions): void {
    const app = this.getInstance<Express>();
    this.httpServer = http.createServer(
      {
        IncomingMessage: bornAs<typeof http.IncomingMessage>(http.IncomingMessage, app.request),
        ServerResponse: bornAs<typeof http.ServerResponse>(http.ServerResponse, app.response),
      } as http.ServerOptions,
      app,
    );
    (this.getHttpServer() as http.Server).on('clientError', answerUnparsable);
    if (options.forceCloseConnections) (this as unknown as { trackOpenConnections(): void }).trackOpenConnections();
  }

  /** Errors reach the filter as Express raised them. */
  override mapException(error: unknown): unknown {
    return error;
  }

  override reply(response: Response, body: unknown, statusCode?: number): void {
    if (body instanceof StoredReply) {
      response.setHeaders(new Map(Object.entries(body.headers)));
      writeJson(response, body.body, body.status);
    } else {
      const { requestId } = response.req as Request & { requestId: string };
      writeJson(response, envelope(body, requestId), statusCode);
    }
  }
}

/** Ends a response with JSON text. Express's own `json` would add an ETag and parse the content type each time. */
export function writeJson(response: http.ServerResponse, body: string, statusCode?: number): void {
  if (statusCode !== undefined) response.statusCode = statusCode;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** Returns a class for Node whose instances have Express's `prototype` from the start. */
function bornAs<T extends abstract new (...args: never[]) => object>(base: T, prototype: object): T {
  const construct = base as unknown as { call(self: object, ...args: unknown[]): void };
  function Born(this: object, ...args: unknown[]): void {
    construct.call(this, ...args);
  }
  Born.prototype = prototype;
  return Born as unknown as T;
}

/** Answers malformed HTTP, which never reaches Express, in the contract's form. */
function answerUnparsable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The request headers are too large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request took too long to arrive']
        : ['400 Bad Request', 'The request is not valid HTTP'];
  const body = errorEnvelope('bad_request', message, null, newRequestId());
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
