// A bare NestJS route that validates the same body and answers 201: what the framework alone can do.
import 'reflect-metadata';
import { Body, Controller, Get, HttpCode, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { ValidationPipe } from '@nestjs/common';
import { CreateCallRequest } from '../dist/calls/calls.dto.js';
import { FastExpressAdapter } from '../dist/platform/index.js';

const CALL = {
  id: '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10',
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
  agentId: '01981f2e-9c1a-7b3e-8f7a-2f4f6b0f6f10',
  campaignId: null,
  startedAt: null,
  endedAt: null,
  createdAt: '2026-04-05T13:59:00.000Z',
  fromNumber: '+14155550100',
  toNumber: '+1234567890',
  metadata: { campaign_id: 'summer_2026' },
  scheduledAt: null,
  environment: 'test',
  outcome: null,
};

class BareController {
  create() {
    return { data: { id: CALL.id, status: 'queued', taskId: `dial-${CALL.id}` }, requestId: 'req-1' };
  }
  get() {
    return { data: CALL, requestId: 'req-1' };
  }
}
const decorate = (decorators, name) =>
  Reflect.decorate(
    decorators,
    BareController.prototype,
    name,
    Object.getOwnPropertyDescriptor(BareController.prototype, name),
  );
Reflect.defineMetadata('design:paramtypes', [CreateCallRequest], BareController.prototype, 'create');
Reflect.defineMetadata('design:paramtypes', [String], BareController.prototype, 'get');
Body()(BareController.prototype, 'create', 0);
Param('id')(BareController.prototype, 'get', 0);
decorate([Post(), HttpCode(201)], 'create');
decorate([Get(':id')], 'get');
Controller('v1/calls')(BareController);
class BareModule {}
Module({ controllers: [BareController] })(BareModule);

/** Our adapter's way of making requests and responses, with Nest's own way of answering. */
class BareFastAdapter extends FastExpressAdapter {
  reply(...args) {
    return ExpressAdapter.prototype.reply.apply(this, args);
  }
}

const [, , adapter, port] = process.argv;
const app = await NestFactory.create(BareModule, adapter === 'stock' ? new ExpressAdapter() : new BareFastAdapter(), {
  logger: false,
});
app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true }));
await app.listen(Number(port), '127.0.0.1');
process.stdout.write('ready\n');
