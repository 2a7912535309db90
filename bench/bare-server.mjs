// A bare NestJS controller that validates the same body, answers with as many bytes and does nothing else: what the
// framework alone can do, on the stock Express adapter (`stock`) or on ours (`ours`).
import 'reflect-metadata';
import { Body, Controller, Get, Module, Param, Post, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { CreateCallRequest } from '../dist/calls/calls.dto.js';
import { FastExpressAdapter, newId, Page } from '../dist/lib/platform/index.js';

const REQUEST_ID = 'req-4f1c2a52-6d3e-4d0b-9a53-0c6a4b1d7e10';
const [id, agentId] = [newId(), newId()];
const CREATED = { id, status: 'queued', taskId: `dial-${id}` };
const CALL = {
  id,
  customerName: 'John Doe',
  customerPhone: '+1234567890',
  duration: null,
  status: 'queued',
  direction: 'OUTBOUND',
  disconnectionReason: null,
  sentiment: null,
  summary: null,
  transcript: null,
  recording: null,
  callSuccessful: null,
  tokenCost: null,
  agentId,
  campaignId: null,
  startedAt: null,
  endedAt: null,
  createdAt: new Date(),
  fromNumber: '+14155550100',
  toNumber: '+1234567890',
  metadata: { campaign_id: 'summer_2026' },
  scheduledAt: null,
  environment: 'test',
  outcome: null,
};
const CALLS = Array(20).fill(CALL);
const PAGINATION = { page: 1, limit: 20, total: 100_000, totalPages: 5_000 };

const isStock = process.argv[2] === 'stock';

/** Our adapter puts the envelope around what a controller returns; on the stock one the controller does. */
class BareController {
  create() {
    return isStock ? { data: CREATED, requestId: REQUEST_ID } : CREATED;
  }
  list() {
    return isStock
      ? { data: CALLS, pagination: PAGINATION, requestId: REQUEST_ID }
      : new Page(CALLS, PAGINATION.page, PAGINATION.limit, PAGINATION.total);
  }
  get() {
    return isStock ? { data: CALL, requestId: REQUEST_ID } : CALL;
  }
}

/** What TypeScript makes of decorators on a class. */
function decorate(method, types, decorators, parameters = []) {
  const { prototype } = BareController;
  Reflect.defineMetadata('design:paramtypes', types, prototype, method);
  parameters.forEach((parameter, index) => parameter(prototype, method, index));
  Reflect.decorate(decorators, prototype, method, Object.getOwnPropertyDescriptor(prototype, method));
}
decorate('create', [CreateCallRequest], [Post()], [Body()]);
decorate('list', [], [Get()]);
decorate('get', [String], [Get(':id')], [Param('id')]);
Controller('v1/calls')(BareController);
class BareModule {}
Module({ controllers: [BareController] })(BareModule);

const adapter = isStock ? new ExpressAdapter() : new FastExpressAdapter();
const app = await NestFactory.create(BareModule, adapter, { logger: false });
app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true }));
if (!isStock) adapter.getInstance().request.requestId = REQUEST_ID;
await app.listen(0, '127.0.0.1');
process.send({ url: await app.getUrl() });
process.on('disconnect', () => process.exit());
