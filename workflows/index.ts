export { order } from './order.js';
export { refund } from './refund.js';
