import { parseS3Location } from './s3-location.js';

describe('the address of a bucket', () => {
  it.each([
    [
      'https://KEY:SECRET@s3.example.com/bucket?region=eu-central-1',
      { baseUrl: 'https://s3.example.com/bucket', region: 'eu-central-1' },
    ],
    ['https://KEY:SECRET@s3.example.com/bucket', { baseUrl: 'https://s3.example.com/bucket', region: 'us-east-1' }],
    ['https://KEY:SECRET@s3.example.com/bucket?region=', { region: 'us-east-1' }],
    ['https://KEY:SECRET@s3.example.com/bucket/a/prefix/', { baseUrl: 'https://s3.example.com/bucket/a/prefix' }],
    ['http://KEY:SECRET@127.0.0.1:9000/bucket', { baseUrl: 'http://127.0.0.1:9000/bucket' }],
    ['http://KEY:SECRET@[::1]:9000/bucket', { baseUrl: 'http://[::1]:9000/bucket' }],
  ])('%s', (text, expected) => {
    expect(parseS3Location(text)).toMatchObject({ accessKeyId: 'KEY', secretAccessKey: 'SECRET', ...expected });
  });

  it('decodes percent-encoded keys', () => {
    const text = 'https://K%2BEY:se%2Fcr%3Aet%25%40@s3.example.com/bucket';
    expect(parseS3Location(text)).toMatchObject({ accessKeyId: 'K+EY', secretAccessKey: 'se/cr:et%@' });
  });

  it('keeps the keys out of the URL', () => {
    expect(parseS3Location('https://KEY:SECRET@s3.example.com/bucket')?.baseUrl).not.toMatch(/KEY|SECRET/);
  });

  it.each([
    '',
    'bucket',
    's3://KEY:SECRET@bucket/prefix',
    'file:///bucket',
    'https://s3.example.com/bucket',
    'https://KEY@s3.example.com/bucket',
    'https://:SECRET@s3.example.com/bucket',
    'https://KEY:SECRET@s3.example.com',
    'https://KEY:SECRET@s3.example.com/',
    'https://KEY:SECRET@s3.example.com//',
    'https://KEY:SECRET@s3.example.com//bucket',
    'https://KEY:SECRET@s3.example.com/bucket#prefix',
    'https://KEY:SECRET@s3.example.com/bucket?regoin=eu-central-1',
    'https://KEY:SECRET@s3.example.com/bucket?region=a&acl=public-read',
    'https://KEY:SEC/RET@s3.example.com/bucket',
    'https://KEY:100%@s3.example.com/bucket',
    'https://K%zz:SECRET@s3.example.com/bucket',
  ])('is not %j', (text) => {
    expect(parseS3Location(text)).toBeUndefined();
  });
});
