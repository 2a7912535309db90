import { numberFacts, timeZonesOf } from './number-facts.js';

describe('numberFacts', () => {
  it.each([
    ['+390612345678', 'ordinary', 'IT'],
    ['+393331234567', 'ordinary', 'IT'],
    ['+12125550123', 'ordinary', 'US'],
    ['+18005550123', 'ordinary', 'US'],
    ['+39899123456', 'premium', 'IT'],
    ['+19005550123', 'premium', 'US'],
    ['+449012345678', 'premium', 'GB'],
    ['+33899123456', 'premium', 'FR'],
    ['+447012345678', 'premium', 'GB'],
    ['+491805123456', 'premium', 'DE'],
    ['+979123456789', 'premium', null],
    ['+878101234567890', 'premium', null],
    ['+870773111632', 'satellite', null],
    ['+8816123456789', 'satellite', null],
    ['+88216123456', 'satellite', null],
    ['+883130123456', 'satellite', null],
    ['+88312345678', 'satellite', null],
    ['+1234567890', 'unknown', null],
    ['+0987654321', 'unknown', null],
    ['+999123456789', 'unknown', null],
  ])('%s is %s', (number, numberType, country) => {
    expect(numberFacts(number)).toMatchObject({ numberType, country });
  });

  it.each(['+4490123456789', '+190055501234', '+39892123456789'])(
    '%s is premium: the network ignores the digits too many',
    async (number) => {
      expect(numberFacts(number).numberType).toBe('premium');
      expect(await timeZonesOf(number)).toEqual([]);
    },
  );

  it.each([
    ['+390612345678', ['Europe/Rome']],
    ['+12125550123', ['America/New_York']],
    ['+14155550123', ['America/Los_Angeles']],
    ['+61291234567', ['Australia/Sydney']],
    ['+551123456789', ['America/Sao_Paulo']],
  ])('%s is in %j', async (number, timeZones) => {
    expect(await timeZonesOf(number)).toEqual(timeZones);
  });

  it('has every zone of a number without an area', async () => {
    const timeZones = await timeZonesOf('+18005550123');
    expect(timeZones).toEqual(expect.arrayContaining(['America/New_York', 'America/Los_Angeles', 'Pacific/Honolulu']));
  });

  it.each(['+8816123456789', '+1234567890', '+0987654321', '', '+', 'sip:x', '+39' + '1'.repeat(300)])(
    'has no zone for %j',
    async (number) => {
      expect(await timeZonesOf(number)).toEqual([]);
    },
  );

  it.each([
    ['+4402079460123', '+442079460123'],
    ['+442079460123', '+442079460123'],
    ['+390612345678', '+390612345678'],
    ['+1234567890', '+1234567890'],
    ['+0987654321', '+0987654321'],
    ['x', 'x'],
  ])('%s is written %s', (number, canonical) => {
    expect(numberFacts(number).canonical).toBe(canonical);
  });

  it('a premium number with a superfluous national prefix is premium', () => {
    expect(numberFacts('+4409012345678').numberType).toBe('premium');
  });

  it('has only zones that this Node knows', async () => {
    for (const timeZone of await timeZonesOf('+18005550123'))
      expect(() => new Intl.DateTimeFormat('en', { timeZone })).not.toThrow();
  });
});
