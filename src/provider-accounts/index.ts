export { ProviderAccountEntity } from './provider-account.entity.js';
export { ProviderAccountsController } from './provider-accounts.controller.js';
export { ProviderAccountsService } from './provider-accounts.service.js';
export { isPlainUrl } from './plain-url.js';
