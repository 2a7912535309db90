import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { type Config } from '../config/config.js';
import { isId, SecretBox, SecretBoxError } from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { type Carrier, STORED_CARRIERS } from './carrier.js';
import { PhoneNumberEntity } from './phone-number.entity.js';
import { PhoneNumbersService } from './phone-numbers.service.js';
import { CarrierEntity } from './carrier.entity.js';
import { DEFAULT_CARRIER_ID, type SipCredentials } from './sip-carrier.js';

/** The carriers of live calls: active ones, and that of the settings for numbers without a carrier. */
@Injectable()
export class CarriersForCalls {
  constructor(
    @InjectRepository(CarrierEntity) private readonly carriers: Repository<CarrierEntity>,
    private readonly numbers: PhoneNumbersService,
    private readonly secrets: SecretBox,
    @InjectConfig() private readonly config: Config,
  ) {}

  /**
   * An active carrier of the organization; under `DEFAULT_CARRIER_ID` that of the settings.
   * @throws SecretBoxError when its password cannot be decrypted; the message names the carrier and what to do
   */
  async find(organizationId: string, carrierId: string): Promise<Carrier | undefined> {
    if (carrierId === DEFAULT_CARRIER_ID) return this.config.sipCarrier;
    const where = { id: carrierId, organizationId, isActive: true };
    const carrier = isId(carrierId) ? await this.carriers.findOneBy(where) : null;
    return carrier ? this.toCarrier(carrier) : undefined;
  }

  /**
   * The active carrier of a number, else that of the settings, else undefined.
   * @throws SecretBoxError as `find`
   */
  async carrierFor(organizationId: string, fromNumber: string): Promise<Carrier | undefined> {
    const carrier = await this.carriers
      .createQueryBuilder('c')
      .innerJoin(PhoneNumberEntity, 'p', 'p.organizationId = c.organizationId and p.carrierId = c.id')
      .where('p.organizationId = :organizationId and p.phoneNumber = :fromNumber and c.isActive')
      .setParameters({ organizationId, fromNumber })
      .getOne();
    return carrier ? this.toCarrier(carrier) : this.config.sipCarrier;
  }

  /** Whether `carrierFor` finds a carrier. Cheap: look-ups at the same time are one round trip. */
  async hasCarrier(organizationId: string, fromNumber: string): Promise<boolean> {
    if (this.config.sipCarrier) return true;
    return (await this.numbers.lookUp(organizationId, fromNumber))?.carrierId != null;
  }

  private toCarrier(row: CarrierEntity): Carrier {
    return STORED_CARRIERS[row.kind].toCarrier(row, this.credentialsOf(row));
  }

  private credentialsOf({ id, name, username, sealedPassword, authRealm }: CarrierEntity): SipCredentials | undefined {
    if (username === null || sealedPassword === null) return undefined;
    try {
      const password = this.secrets.open(sealedPassword, id);
      return { username, password, ...(authRealm === null ? {} : { realm: authRealm }) };
    } catch (error) {
      if (!(error instanceof SecretBoxError)) throw error;
      throw new SecretBoxError(`The password of the carrier ${name} (${id}) cannot be read: ${error.message}`);
    }
  }
}
