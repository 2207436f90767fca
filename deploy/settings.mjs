/**
 * What the API and the worker run with in containers.
 *
 * @typedef {Readonly<Record<string, string | undefined>>} Environment
 */

/** As docker-compose.yml names the services. */
const API_FOR_SANDBOX = 'http://api:3000';
/** A channel that has this has credentials of its own. */
const CHANNEL_IDS = ['ALIPAY_APP_ID', 'WECHAT_APP_ID', 'PINGPP_APP_ID', 'STRIPE_SECRET_KEY'];

/**
 * @param {Environment} environment
 * @returns {boolean} whether this installation runs with the sandbox
 */
export function usesSandbox({ COMPOSE_PROFILES = '' }) {
  return COMPOSE_PROFILES.split(',').some((profile) => profile.trim() === 'sandbox');
}

/**
 * @param {Environment} environment
 * @param {Readonly<Record<string, string>>} merchant the variables that the sandbox wrote for the product; empty
 *   without a sandbox
 * @returns {Record<string, string>} the variables to set; what the environment names already stands
 * @throws {Error} in one line, when providers would have no way to call back
 */
export function settingsFor(environment, merchant) {
  const isSet = (/** @type {string} */ name) => (environment[name] ?? '') !== '';
  if (usesSandbox(environment)) {
    const wanted = Object.entries({ PUBLIC_URL: API_FOR_SANDBOX, ...merchant });
    return Object.fromEntries(wanted.filter(([name]) => !isSet(name)));
  }
  const channel = CHANNEL_IDS.find(isSet);
  if (channel !== undefined && !isSet('PUBLIC_URL')) {
    throw new Error(
      `PUBLIC_URL: missing beside ${channel}; set it to the address at which providers reach the API, such as https://pay.example.com`,
    );
  }
  return {};
}
