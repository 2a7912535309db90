import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { type Response } from 'express';
import { type Caller, CallerParam } from '../api-keys/index.js';
import { isId, notFound, Operation } from '../lib/platform/index.js';
import { CallsService, RecordingLinks } from '../calls/index.js';
import { Recordings } from './recordings.js';

class WavFile {
  @ApiProperty({ type: String, format: 'binary', description: 'Stereo, 8 kHz: customer left, agent right' })
  file: string;
}

@ApiTags('Calls')
@Controller()
export class RecordingsController {
  constructor(
    private readonly calls: CallsService,
    private readonly links: RecordingLinks,
    private readonly recordings: Recordings,
  ) {}

  @Get('v1/calls/:id/recording')
  @Operation({
    scope: 'calls:read',
    summary: "Get a call's recording",
    description: 'Redirects to a signed URL that is valid for an hour and supports ranges.',
    status: 302,
    returns: WavFile,
    produces: 'audio/wav',
    errors: ['not_found'],
  })
  async getRecording(@CallerParam() caller: Caller, @Param('id') id: string, @Res() response: Response): Promise<void> {
    const { recording, id: callId } = await this.calls.get(caller, id);
    const link = this.links.linkTo(recording, callId);
    if (link === null) throw notFound('Recording');
    response.redirect(302, link);
  }

  @Get('recordings/:name')
  @Operation({
    scope: 'public',
    summary: 'Play a recording',
    description: 'The signed URL in `recording` of a call. Its signature is the permission, valid for an hour.',
    returns: WavFile,
    produces: 'audio/wav',
    errors: ['not_found'],
  })
  async playRecording(
    @Param('name') name: string,
    @Query('expires') expires: unknown,
    @Query('signature') signature: unknown,
    @Res() response: Response,
  ): Promise<void> {
    const callId = name.replace(/\.wav$/, '');
    if (!isId(callId) || typeof expires !== 'string' || typeof signature !== 'string') throw notFound('Recording');
    const problem = this.links.check(callId, expires, signature);
    const location = problem ? undefined : await this.recordings.locate(callId, new Date(Number(expires) * 1000));
    if (!location) throw notFound('Recording');
    if ('url' in location) {
      response.redirect(302, location.url);
      return;
    }
    await sendWav(response, location.path);
  }
}

function sendWav(response: Response, path: string): Promise<void> {
  response.setHeader('Content-Type', 'audio/wav');
  response.setHeader('Cache-Control', 'private, max-age=3600');
  return new Promise((resolve, reject) => {
    response.sendFile(path, { dotfiles: 'allow', lastModified: true }, (error?: Error & Partial<SendError>) => {
      // A client that disconnects is no failure.
      if (!error || response.headersSent || error.code === 'ECONNABORTED') resolve();
      else if (error.status === 404) reject(notFound('Recording'));
      else if (error.status !== 416) reject(error);
      else {
        // No such range. Content-Range, already set, has the size.
        response.removeHeader('Content-Type');
        response.removeHeader('Cache-Control');
        response.status(416).end();
        resolve();
      }
    });
  });
}

/** Error of Express when it cannot send a file. */
interface SendError {
  status: number;
  code: string;
}
