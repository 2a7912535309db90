import config from './jest.config.js';

const { globalSetup: _globalSetup, globalTeardown: _globalTeardown, ...rest } = config;

/** Pure specs: they need no build and no PostgreSQL. `npm test` runs them too. @type {import('jest').Config} */
export default {
  ...rest,
  testMatch: [
    '<rootDir>/src/**/*.spec.ts',
    '<rootDir>/test/architecture/**/*.spec.ts',
    '<rootDir>/test/voice/*.spec.ts',
    '<rootDir>/test/webhooks/signature.spec.ts',
  ],
  // These talk to fake vendors over HTTP.
  testPathIgnorePatterns: ['/node_modules/', '-(leaks|fakes)\\.spec\\.ts$'],
  testTimeout: 30_000,
};
