import { describe, expect, it } from 'vitest';
import { ConfigError } from './load-config.js';
import { readSettings } from './settings.js';

const faultsOf = (env: NodeJS.ProcessEnv, alone = false): Record<string, string> => {
  try {
    readSettings(env, { alone });
    return {};
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.faults.map(({ variable, words }) => [variable, words]));
  }
};

describe('settings', () => {
  it('need nothing on one machine', () => {
    expect(readSettings({}, { alone: false })).toMatchObject({
      HOST: '127.0.0.1',
      ROLE: 'all',
      KAFKA_PARTITIONS: 6,
      KAFKA_CREATE_TOPICS: true,
      TOPIC_PREFIX: 'switchhook.',
      SWITCHHOOK_DATA: './.switchhook',
      SWITCHHOOK_ALLOW_PRIVATE: [],
      LOG_LEVEL: 'info',
    });
  });

  it('read lists, numbers and switches; an empty variable is an absent one', () => {
    const env = {
      PORT: '0',
      KAFKA_BROKERS: 'a:9092, b:9092',
      SWITCHHOOK_ALLOW_PRIVATE: '127.0.0.0/8,::1/128',
      KAFKA_CREATE_TOPICS: 'off',
      DATABASE_URL: '',
    };
    expect(readSettings(env, { alone: false })).toMatchObject({
      PORT: 0,
      KAFKA_BROKERS: ['a:9092', 'b:9092'],
      SWITCHHOOK_ALLOW_PRIVATE: ['127.0.0.0/8', '::1/128'],
      KAFKA_CREATE_TOPICS: false,
    });
  });

  it.each(['17', '17=0', '17=101', '017=2', '17=2,17=3', '9999999999999999=2', 'a=1', '17=1.5'])(
    'refuse %s for the weights of accounts',
    (SWITCHHOOK_ACCOUNT_WEIGHTS) => {
      expect(faultsOf({ SWITCHHOOK_ACCOUNT_WEIGHTS })).toMatchObject({
        SWITCHHOOK_ACCOUNT_WEIGHTS: expect.stringMatching(/comma list of account=weight/),
      });
    },
  );

  it('read the weights of accounts', () => {
    const { SWITCHHOOK_ACCOUNT_WEIGHTS: weights } = readSettings(
      { SWITCHHOOK_ACCOUNT_WEIGHTS: '17=4, 0=100' },
      { alone: false },
    );
    expect([...weights]).toEqual([
      [17, 4],
      [0, 100],
    ]);
  });

  it('list every fault at once, with the value, and mask what is secret', () => {
    const faults = faultsOf({
      PORT: '65536',
      ROLE: 'everything',
      KAFKA_BROKERS: 'localhost',
      DATABASE_URL: 'mysql://root:hunter2@db/x',
      SWITCHHOOK_ADMIN_PASSWORD: 'short',
      SWITCHHOOK_INTERNAL_TOKEN: 'hunter2',
      SWITCHHOOK_ALLOW_PRIVATE: '10.0.0.0',
      KAFKA_PARTITIONS: '1e3',
      LOG_LEVEL: 'loud',
      SWITCHHOOK_SAMPLE: 'yes',
    });
    expect(Object.keys(faults).sort()).toEqual([
      'DATABASE_URL',
      'KAFKA_BROKERS',
      'KAFKA_PARTITIONS',
      'LOG_LEVEL',
      'PORT',
      'ROLE',
      'SWITCHHOOK_ADMIN_PASSWORD',
      'SWITCHHOOK_ADMIN_USER',
      'SWITCHHOOK_ALLOW_PRIVATE',
      'SWITCHHOOK_INTERNAL_TOKEN',
      'SWITCHHOOK_SAMPLE',
    ]);
    expect(faults['PORT']).toBe('must be a whole number from 0 to 65535 (it is "65536")');
    expect(JSON.stringify(faults)).not.toMatch(/hunter2|short/);
  });

  it('demand of a service alone what it shares with the others', () => {
    expect(Object.keys(faultsOf({}, true))).toEqual([
      'KAFKA_BROKERS',
      'DATABASE_URL',
      'SWITCHHOOK_KEYS',
      'SWITCHHOOK_INTERNAL_TOKEN',
    ]);
  });

  it('demand both halves of a pair', () => {
    expect(Object.keys(faultsOf({ SWITCHHOOK_ADMIN_USER: 'root' }))).toEqual(['SWITCHHOOK_ADMIN_PASSWORD']);
    expect(Object.keys(faultsOf({ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'x' }))).toEqual([
      'KAFKA_SASL_PASSWORD',
    ]);
  });
});
