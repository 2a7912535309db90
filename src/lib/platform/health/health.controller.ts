import { Controller, Get } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Database } from '../database/database.js';
import { Operation } from '../http/operation.js';

class Health {
  @ApiProperty({ example: 'ok' })
  status: string;
}

/** Liveness and readiness of the process for its supervisor. */
@ApiTags('Health')
@Controller('health')
export class HealthController {
  constructor(private readonly database: Database) {}

  @Get('live')
  @Operation({ scope: 'public', summary: 'Is the process alive?', returns: Health })
  live(): Health {
    return { status: 'ok' };
  }

  @Get('ready')
  @Operation({
    scope: 'public',
    summary: 'Can it serve?',
    description: 'Answers 503 while the database cannot be reached.',
    returns: Health,
  })
  async ready(): Promise<Health> {
    await this.database.query('select 1');
    return { status: 'ok' };
  }
}
